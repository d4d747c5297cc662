"""Whenever a claim in a store of objects dies, and whoever else claims, each file is entered once."""

import os
import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from event_platform import tables
from event_platform.landing import claiming
from event_platform.landing.object_queue import ObjectQueue
from event_platform_tests.kills import FORKS, arm, child_for, in_child
from event_platform_tests.landing.bucket import Bucket, Ledger

pytestmark = pytest.mark.server


def _claim_and_die(step: str, moment: str) -> None:
    arm(*STEPS[step], moment)
    Ledger().claim()


STEPS = {
    "fetch": ("event_platform.lake.s3", "S3.download", 2),
    "write-down": ("event_platform.lake.s3", "S3.create", 1),
    "copy": ("event_platform.lake.s3", "S3._copied", 2),
    "move": ("event_platform.lake.s3", "S3.move", 2),
    "enter": ("event_platform.landing.ledger", "enter", 1),
    "upload": ("event_platform.lake.s3", "S3.upload", 1),
    "commit": ("event_platform.lake.table", "LakeTable.commit", 1),
    "release": ("event_platform.landing.queue", "release", 1),
}


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_a_claim_that_died_is_finished_by_the_next(bucket: Bucket, step: str, moment: str) -> None:
    """`create` is also what writes metadata; the first of them all writes the claim down, since the ledger is made before."""
    Ledger().lake.open(tables.ledger(bucket.source))
    for name in ("a.json", "b.json", "c.json"):
        bucket.drop(name, f"{name}\n".encode())
    assert in_child(_claim_and_die, step, moment) == -signal.SIGKILL
    assert claiming.has_pending_files(Ledger().lake, bucket.source) == ((step, moment) not in {("release", "after")})
    Ledger().claim()
    assert sorted(Ledger().rows()) == [("a.json", 1), ("b.json", 1), ("c.json", 1)]
    assert bucket.archived == {f"{name}.json": f"{name}.json\n".encode() for name in "abc"}
    assert bucket.contents("pending") == {}
    assert bucket.store.read(bucket.here.claim_url) is None
    assert not claiming.has_pending_files(Ledger().lake, bucket.source)


def _claim_all(home: str, ready: Any, done: Any) -> None:
    os.environ["EVENT_PLATFORM_HOME"] = home
    mine = Ledger()
    ready.wait()
    while not done.is_set():
        mine.claim()
        if not ObjectQueue(mine.lake.environment, mine.source).count():
            done.set()


def test_two_platforms_that_share_a_bucket_never_share_a_file(bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"{number}.json" for number in range(40)]
    ready, done = FORKS.Barrier(3), FORKS.Event()
    homes = [str(tmp_path / "one"), str(tmp_path / "two")]
    claimers = [child_for(_claim_all, home, ready, done) for home in homes]
    for claimer in claimers:
        claimer.start()
    ready.wait()
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda name: bucket.drop(name, name.encode()), names))
    for claimer in claimers:
        claimer.join()
    assert [claimer.exitcode for claimer in claimers] == [0, 0]
    entered = Counter[str]()
    for home in homes:
        monkeypatch.setenv("EVENT_PLATFORM_HOME", home)
        Ledger().claim()  # what came while the last one stopped
        entered.update(name for name, _ in Ledger().rows())
    assert entered == Counter(names)
    assert sorted(bucket.archived) == sorted(names)
