"""Sources are named the moment a file of theirs can be claimed."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from threading import Event, Timer

import pytest

from event_platform.landing.watching import TICK, watch
from event_platform_tests.landing.conftest import Landing

WITHIN_S = 20


@pytest.fixture
def other(landing: Landing) -> Landing:
    return Landing(landing.environment, replace(landing.source, name="others"))


@pytest.fixture(params=[False, True], ids=["inotify", "polling"])
def watching(landing: Landing, other: Landing, request: pytest.FixtureRequest) -> Iterator[Iterator[set[str]]]:
    """A watch of both sources, which ends by itself if nothing comes."""
    stop = Event()
    timer = Timer(WITHIN_S, stop.set)
    timer.start()
    yield watch(landing.environment, [landing.source, other.source], stop, force_polling=request.param)
    stop.set()
    timer.cancel()


def test_files_there_already_then_new_ones_then_settled_ones(landing: Landing, other: Landing, watching: Iterator[set[str]]) -> None:
    landing.drop("a.json")
    assert next(watching) == {"payments"}
    other.drop("folder/b.json")
    assert next(watching) == {"others"}
    landing.drop("c.json", age_s=0)
    assert next(watching) == {"payments"}


def test_what_was_told_is_not_told_again_but_a_changed_file_is(landing: Landing, other: Landing, watching: Iterator[set[str]]) -> None:
    landing.drop("a.json")
    assert next(watching) == {"payments"}
    other.drop("b.json")
    assert next(watching) == {"others"}
    landing.drop("a.json", b"[]\n")
    assert next(watching) == {"payments"}


def test_a_file_is_told_when_its_writer_closes_it(landing: Landing, other: Landing, watching: Iterator[set[str]]) -> None:
    with landing.drop("a.json").open("ab"):
        other.drop("b.json")
        assert next(watching) == {"others"}
    assert next(watching) == {"payments"}


def test_a_pending_folder_that_was_removed_is_watched_again(landing: Landing, watching: Iterator[set[str]]) -> None:
    landing.drop("a.json")
    next(watching)
    shutil.rmtree(landing.pending)
    landing.drop("b.json")
    assert next(watching) == {"payments"}
    landing.drop("c.json")
    assert next(watching) == {"payments"}


def test_it_ends_when_told(landing: Landing) -> None:
    stop = Event()
    stop.set()
    assert list(watch(landing.environment, [landing.source], stop)) == []
    assert timedelta(0) < TICK
