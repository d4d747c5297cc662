"""Killed anywhere, the pipeline loses and repeats nothing: the next run ends where an undisturbed one would have.

A child process that has everything imported is killed with SIGKILL as it enters or leaves one of the steps that change something on disk.
"""

import os
import random
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from event_platform_tests.kills import Kill, arm, boundaries, in_child
from event_platform_tests.pipeline import Pipeline, line

STEPS = {
    "move": ("pathlib", "Path.rename", 2),
    "enter": ("event_platform.landing.ledger", "enter", 1),
    "stage-write": ("event_platform.stage.staging", "copy_into", 2),
    "trusted-write": ("event_platform.trusted.merge", "write", 1),
    "commit": ("event_platform.lake.table", "LakeTable.commit", 6),
    "stage": ("event_platform.stage.assets", "stage_pending", 1),
    "mark": ("event_platform.step", "Step.report", 5),
    "remember": ("event_platform.stage.seen", "remember", 1),
    "merge": ("event_platform.trusted.assets", "merge_pending", 1),
    "aggregate": ("event_platform.aggregate.assets", "aggregate_pending", 1),
    "verdict": ("event_platform.step", "Step.record_checks", 3),
}
"""What is interrupted, where it is found, and how often a run comes by (the n-th time counts)."""

RIGHT_BEFORE_ANOTHER = [(step, number, "after") for step, calls in {"mark": 5, "verdict": 2}.items() for number in range(1, calls + 1)]
"""Between these and the next of the kills nothing changes on disk."""

KILLS = [
    pytest.param(kill, marks=pytest.mark.long if kill in RIGHT_BEFORE_ANOTHER else (), id="-".join(map(str, kill)))
    for kill in boundaries({step: calls for step, (_, _, calls) in STEPS.items()})
]

FIRST = [line("a", "2026-03-01T10:00:00"), line("b", "2026-03-02T10:00:00"), line("c", "2026-03-03T10:00:00", event_type="closure")]
FILES = {
    "one.json": [line("a", "2026-03-04T10:00:00"), line("d", "2026-03-01T10:00:00"), "torn"],
    "two.json": [line("b", "2026-03-02T09:00:00"), line("e", "2026-03-02T23:59:59"), line("e", "2026-03-03T00:00:01"), "", "null"],
}


def _work(home: str, kill: Kill | None = None) -> None:
    os.environ |= {"EVENT_PLATFORM_HOME": home, "EVENT_PLATFORM_SETTLE_SECONDS": "0"}
    if kill:
        step, number, moment = kill
        arm(*STEPS[step][:2], number, moment)
    Pipeline().run_well()


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home with one processed file and two pending ones, to be copied."""
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("crash") / "home"
        patch.setenv("EVENT_PLATFORM_HOME", str(home))
        patch.setenv("EVENT_PLATFORM_SETTLE_SECONDS", "0")
        pipeline = Pipeline()
        pipeline.drop("first.json", FIRST)
        assert in_child(_work, str(home)) == 0
        for name, lines in FILES.items():
            pipeline.drop(name, lines)
        yield home


TABLES = {
    "trusted": "SELECT event_id, timestamp::VARCHAR, original_name, line_number FROM trusted.payments JOIN landing.payments USING (file_id)",
    "staged": "SELECT event_id, timestamp::VARCHAR, original_name, line_number FROM stage.payments JOIN landing.payments USING (file_id)",
    "quarantined": "SELECT original_name, line_number, reason FROM quarantine.payments JOIN landing.payments USING (file_id)",
    "aggregated": "SELECT * FROM aggregate.payments_daily",
    "landed": "SELECT original_name, lines, blank_lines FROM landing.payments",
}


def contents() -> dict[str, list[tuple[object, ...]]]:
    """All tables, without what depends on the moment of the claim."""
    pipeline = Pipeline()
    assert pipeline.status().balanced
    return {name: pipeline.sql(f"{query} ORDER BY ALL") for name, query in TABLES.items()}


@pytest.fixture(scope="module")
def untouched(started: Path) -> Path:
    """A copy of the started home. Tables know where their files are, so tests work at the original's place and restore it from here."""
    copy = started.with_name("untouched")
    shutil.copytree(started, copy)
    return copy


def restore(started: Path, untouched: Path) -> None:
    shutil.rmtree(started)
    shutil.copytree(untouched, started)


@pytest.fixture(scope="module")
def undisturbed(started: Path, untouched: Path) -> dict[str, list[tuple[object, ...]]]:
    restore(started, untouched)
    assert in_child(_work, str(started)) == 0
    return contents()


@pytest.mark.parametrize("kill", KILLS)
def test_a_run_after_a_kill_ends_as_if_nothing_had_happened(
    kill: Kill, started: Path, untouched: Path, undisturbed: dict[str, list[tuple[object, ...]]]
) -> None:
    restore(started, untouched)
    assert in_child(_work, str(started), kill) == -signal.SIGKILL
    assert in_child(_work, str(started)) == 0
    assert contents() == undisturbed


@pytest.mark.parametrize("seed", [pytest.param(seed, marks=[] if seed < 3 else pytest.mark.long) for seed in range(203)])
def test_a_run_after_a_kill_at_any_time(seed: int, started: Path, untouched: Path, undisturbed: dict[str, list[tuple[object, ...]]]) -> None:
    restore(started, untouched)
    in_child(_work, str(started), after_seconds=random.Random(seed).uniform(0.2, 1.6))
    assert in_child(_work, str(started)) == 0
    assert contents() == undisturbed
