"""Killed at any step, an erasure that is given again ends as if nothing had happened; so does a run that comes in between."""

import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from event_platform import environment, sources
from event_platform.engines.duckdb import connect
from event_platform.erasure.erase import erase
from event_platform.erasure.proof import scan
from event_platform.erasure.subject import person
from event_platform.records.mentions import Mention
from event_platform_tests.erasure.test_erase import ADA, BEN, archived, click, lines
from event_platform_tests.kills import Kill, arm, boundaries, in_child
from event_platform_tests.pipeline import Pipeline

STEPS = {
    "suppress": ("event_platform.suppression", "Suppression.add", 1),
    "note-found": ("event_platform.erasure.receipt", "keep", 2),
    "mark": ("event_platform.erasure.erase", "note_reparse", 1),
    "ledger": ("event_platform.landing.ledger", "correct", 2),
    "replace": ("event_platform.landing.redaction", "replace", 2),
    "commit": ("event_platform.lake.table", "LakeTable.commit", 7),
    "snapshots": ("event_platform.lake.maintenance", "expire", 2),
    "delete": ("event_platform.lake.maintenance", "remove_orphans", 3),
    "clean": ("event_platform.erasure.dagster_records", "clean", 1),
    "prove": ("event_platform.erasure.proof", "scan", 1),
}
"""What is interrupted, where it is found, and how often an erasure comes by (the n-th time counts)."""

ALL = boundaries({step: calls for step, (_, _, calls) in STEPS.items()})
SHORT = {("mark", 1, "after", False), ("replace", 1, "after", False), ("replace", 1, "after", True), ("delete", 2, "before", False)}
KILLS = [
    pytest.param(kill, run_between, marks=[] if (*kill, run_between) in SHORT else pytest.mark.long, id="-".join(map(str, (*kill, run_between))))
    for kill in ALL
    for run_between in (False, True)
]

FILES = {
    "one.json": [click(BEN, 1), click(ADA, 2), click(ADA, 4)[:-9]],
    "two.json": [click(ADA, 90_000), click(BEN, 90_001)],
}


def _pipeline(home: str) -> Pipeline:
    os.environ |= {"EVENT_PLATFORM_HOME": home, "EVENT_PLATFORM_SETTLE_SECONDS": "0"}
    return Pipeline(sources.get("clickstream"))


def _run(home: str) -> None:
    _pipeline(home).run_well()


def _erase(home: str, kill: Kill | None = None) -> None:
    _pipeline(home)
    if kill:
        arm(*STEPS[kill[0]][:2], *kill[1:])
    receipt, _ = erase(environment.read(), person(f"username={ADA}"), lambda _: None)
    assert receipt.clean


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """A home with two processed files, and a copy of it to restore it from: tables know where their files are."""
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("erasure") / "home"
        patch.setenv("EVENT_PLATFORM_HOME", str(home))
        patch.setenv("EVENT_PLATFORM_SETTLE_SECONDS", "0")
        for name, each in FILES.items():
            Pipeline(sources.get("clickstream")).drop(name, each)
        assert in_child(_run, str(home)) == 0
        shutil.copytree(home, home.with_name("untouched"))
        yield home, home.with_name("untouched")


@pytest.mark.parametrize(("kill", "run_between"), KILLS)
def test_an_erasure_that_was_killed_is_finished_by_the_next(kill: Kill, run_between: bool, started: tuple[Path, Path]) -> None:
    home, untouched = started
    shutil.rmtree(home)
    shutil.copytree(untouched, home)
    assert in_child(_erase, str(home), kill) == -signal.SIGKILL
    if run_between:
        assert in_child(_run, str(home)) == 0
    assert in_child(_erase, str(home)) == 0

    pipeline = Pipeline(sources.get("clickstream"))
    assert archived(pipeline) == {"one.json": lines([click(BEN, 1)]), "two.json": lines([click(BEN, 90_001)])}
    total = pipeline.status().total
    assert (total.landed, total.staged, total.quarantined, total.trusted, total.erased) == (5, 2, 0, 2, 3)
    assert pipeline.status().balanced
    with connect(environment.read()) as duck:
        assert scan(pipeline.lake, duck, Mention(ADA)).held == []
    receipts = [json.loads(path.read_text()) for path in sorted((home / "privacy/receipts").glob("*.json"))]
    assert sum(file["records"] for receipt in receipts for file in receipt["archive"]) == 3
