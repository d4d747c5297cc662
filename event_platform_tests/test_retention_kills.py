"""Killed at any step, `maintain` given again ends as if nothing had happened, and what runs in between loses nothing."""

import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from event_platform import environment, partitions, retention, sources, upkeep
from event_platform.engines.duckdb import connect
from event_platform.sources.retention import Retention
from event_platform_tests.kills import Kill, arm, boundaries, in_child
from event_platform_tests.pipeline import Pipeline
from event_platform_tests.test_retention import KEPT, OLD, process, total

STEPS = {
    "commit": ("event_platform.lake.table", "LakeTable.commit", 7),
    "delete": ("event_platform.landing.expiry", "_delete", 1),
    "snapshots": ("event_platform.upkeep", "maintain", 4),
    "orphans": ("event_platform.lake.maintenance", "remove_orphans", 3),
}
"""What is interrupted, where it is found, and how often `maintain` comes by (the n-th time counts)."""

ALL = boundaries({step: calls for step, (_, _, calls) in STEPS.items()})
SHORT = {("commit", 1, "after"), ("commit", 3, "after"), ("delete", 1, "after"), ("commit", 5, "after"), ("orphans", 2, "before")}
KILLS = [pytest.param(kill, marks=[] if kill in SHORT else pytest.mark.long, id="-".join(map(str, kill))) for kill in ALL]


def _pipeline(home: str) -> Pipeline:
    os.environ |= {"EVENT_PLATFORM_HOME": home, "EVENT_PLATFORM_SETTLE_SECONDS": "0"}
    return Pipeline()


def _begin(home: str) -> None:
    process(_pipeline(home))


def _maintain(home: str, kill: Kill | None = None) -> None:
    """All layers at once: the landing is ten days ago, and 7 March the first event date that is kept."""
    pipeline, today = _pipeline(home), partitions.today() + timedelta(days=10)
    if kill:
        arm(*STEPS[kill[0]][:2], *kill[1:])
    days = (today - date(2026, 3, 7)).days
    keep = Retention(archive_days=5, stage_days=1, quarantine_days=2, trusted_days=days, aggregate_days=days)
    source = replace(sources.get("payments"), retention=keep)
    with connect(environment.read()) as duck:
        assert len([*retention.expire(pipeline.lake, source, duck, today)]) <= 5
        assert [*upkeep.maintain_source(pipeline.lake, source, duck, timedelta(seconds=-1))]
    process(pipeline)


def contents(home: Path) -> tuple[object, ...]:
    """The tables, the account, and how many files there are in each folder of data."""
    pipeline = Pipeline()
    queries = ("trusted.payments", "stage.payments", "quarantine.payments", "aggregate.payments_daily", "landing.payments")
    rows = [pipeline.sql(f"SELECT count(*) FROM {table}") for table in queries]
    archive = sorted(path.name for path in (home / "lake" / "landing" / "payments" / "processed").rglob("*"))
    events = pipeline.sql("SELECT event_id FROM trusted.payments ORDER BY 1")
    return rows, total(pipeline), archive, events


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """A home with a processed file, and a copy of it to restore it from: tables know where their files are."""
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("retention") / "home"
        patch.setenv("EVENT_PLATFORM_HOME", str(home))
        patch.setenv("EVENT_PLATFORM_SETTLE_SECONDS", "0")
        Pipeline().drop("one.json", [*OLD, *KEPT, "torn"])
        assert in_child(_begin, str(home)) == 0
        shutil.copytree(home, home.with_name("untouched"))
        yield home, home.with_name("untouched")


@pytest.fixture(scope="module")
def undisturbed(started: tuple[Path, Path]) -> tuple[object, ...]:
    home, untouched = started
    assert in_child(_maintain, str(home)) == 0
    found = contents(home)
    shutil.rmtree(home)
    shutil.copytree(untouched, home)
    return found


@pytest.mark.parametrize("kill", KILLS)
def test_what_was_killed_is_done_by_the_next(kill: Kill, started: tuple[Path, Path], undisturbed: tuple[object, ...]) -> None:
    home, untouched = started
    shutil.rmtree(home)
    shutil.copytree(untouched, home)
    assert in_child(_maintain, str(home), kill) == -signal.SIGKILL
    assert in_child(_begin, str(home)) == 0
    assert in_child(_maintain, str(home)) == 0
    assert contents(home) == undisturbed
    assert undisturbed[0][0] == [(2,)]  # type: ignore[index]
    assert undisturbed[2] == []
