"""Copies of objects: fetched once, found again, given up oldest first, never half there."""

import errno
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from event_platform.errors import PermanentError, TransientError
from event_platform.lake import cache as cache_module
from event_platform.lake.cache import LENT_FOR, Cache


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache", most_bytes=250)


def writing(content: bytes, fetched: list[bytes] | None = None) -> Callable[[Path], None]:
    def fetch(path: Path) -> None:
        path.write_bytes(content)
        if fetched is not None:
            fetched.append(content)

    return fetch


def copies(cache: Cache) -> set[str]:
    return {path.name for path in cache.folder.iterdir() if path.name != ".lock"}


def used(path: Path, long_ago_s: float) -> None:
    moment = time.time() - long_ago_s
    os.utime(path, (moment, moment))


def test_a_copy_is_fetched_once_per_url_and_version(cache: Cache) -> None:
    fetched: list[bytes] = []
    first, second, other = cache.path("s3://b/a.parquet"), cache.path("s3://b/a.parquet", "2"), cache.path("s3://b/b.parquet")
    assert len({first, second, other}) == 3
    assert first.suffix == ".parquet"
    for _ in range(2):
        cache.fetch([(first, writing(b"1", fetched)), (second, writing(b"2", fetched))])
    assert sorted(fetched) == [b"1", b"2"]
    assert (first.read_bytes(), second.read_bytes()) == (b"1", b"2")


def test_those_used_longest_ago_give_way(cache: Cache) -> None:
    old, older, recent = (cache.path(f"s3://b/{name}") for name in ("old", "older", "recent"))
    cache.fetch([(path, writing(b"x" * 100)) for path in (old, older)])
    used(old, LENT_FOR.total_seconds() + 100)
    used(older, LENT_FOR.total_seconds() + 200)
    cache.fetch([(recent, writing(b"x" * 100))])
    assert copies(cache) == {old.name, recent.name}


def test_what_was_asked_for_within_the_hour_stays_whatever_the_limit(cache: Cache) -> None:
    paths = [cache.path(f"s3://b/{number}") for number in range(10)]
    for path in paths:
        cache.fetch([(path, writing(b"x" * 100))])
    assert copies(cache) == {path.name for path in paths}


def test_a_fetch_that_fails_leaves_nothing_half_done(cache: Cache) -> None:
    def fail(path: Path) -> None:
        path.write_bytes(b"half")
        raise PermanentError("gone")

    with pytest.raises(PermanentError, match="gone"):
        cache.fetch([(cache.path("s3://b/a"), fail)])
    assert copies(cache) == set()


def test_a_full_disk_is_told(cache: Cache) -> None:
    def full(_: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(TransientError, match="disk is full"):
        cache.fetch([(cache.path("s3://b/a"), full)])


def test_many_may_fetch_the_same_at_once(cache: Cache) -> None:
    path = cache.path("s3://b/a")
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: cache.fetch([(path, writing(b"whole" * 10))]), range(32)))
    assert path.read_bytes() == b"whole" * 10
    assert copies(cache) == {path.name}


def test_what_another_finishes_or_removes_while_copies_are_counted_is_no_error(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fetches end and copies are given up while another process looks at the folder, which no lock keeps from changing."""
    cache.fetch([(cache.path("s3://b/a"), writing(b"x"))])
    (cache.folder / "of-another.part").write_bytes(b"x")
    listed = os.scandir

    def listed_too_early(folder: Path) -> Any:
        entries = list(listed(folder))
        (cache.folder / "of-another.part").unlink(missing_ok=True)
        return nullcontext(iter(entries))

    monkeypatch.setattr(cache_module.os, "scandir", listed_too_early)
    cache.fetch([(cache.path("s3://b/b"), writing(b"x"))])
    monkeypatch.undo()
    assert copies(cache) == {cache.path("s3://b/a").name, cache.path("s3://b/b").name}


def test_files_that_were_written_are_taken_as_copies(cache: Cache, tmp_path: Path) -> None:
    written, path = tmp_path / "written", cache.path("s3://b/a")
    written.write_bytes(b"1")
    cache.adopt([(written, path)])
    fetched: list[bytes] = []
    cache.fetch([(path, writing(b"2", fetched))])
    assert (path.read_bytes(), fetched, written.exists()) == (b"1", [], False)
