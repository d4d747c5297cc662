"""Killed anywhere, a load has done its step or nothing of it; the next one ends where an undisturbed one would have."""

import random
import signal
from pathlib import Path

import pytest

from event_platform.environment import Environment
from event_platform.serving.postgres.progress import Mode
from event_platform_tests.kills import arm, in_child
from event_platform_tests.serving.postgres.conftest import Database, events

pytestmark = pytest.mark.server

HERE = "event_platform.serving.postgres"
STEPS = {
    Mode.bulk: [("bulk", "copy_in"), ("bulk", "_swap"), ("bulk", "remember")],
    Mode.chunks: [("chunks", "copy_in"), ("chunks", "_take_over"), ("chunks", "remember"), ("loads", "perform")],
}
KILLS = [(mode, *step, moment) for mode, steps in STEPS.items() for step in steps for moment in ("before", "after")]


def _work(home: str, url: str, mode: Mode, kill: tuple[str, str, int, str] | None = None) -> None:
    """Load until nothing is left."""
    from event_platform.engines.duckdb import connect
    from event_platform.lake.catalog import Lake
    from event_platform.serving.postgres import loads

    if kill:
        arm(*kill)
    here = Environment(Path(home))
    load = loads.make_load("payments", mode, url, records=5)
    with connect(here) as duck:
        while loads.perform(load, Lake(here), duck).changed:
            pass


def where(database: Database) -> tuple[str, str]:
    """The lake's home and the target's address."""
    return str(database.at_hand.lake.environment.home), database.url


@pytest.mark.parametrize(("mode", "module", "step", "moment"), KILLS, ids=lambda each: str(each))
def test_a_load_after_a_kill_ends_as_if_nothing_had_happened(database: Database, mode: Mode, module: str, step: str, moment: str) -> None:
    load = database.load(mode, records=5)
    database.land(*events(range(3)))
    database.perform(load)
    database.land(*events(range(3, 20)))
    assert in_child(_work, *where(database), mode, (f"{HERE}.{module}", step, 1, moment)) == -signal.SIGKILL
    held = len(database.in_target())
    assert held == 3 or (step, moment, held) == ("perform", "after", 8)
    while database.perform(load).changed:
        pass
    assert database.in_target() == database.in_lake()
    assert database.query("SELECT rows FROM event_platform.loads") == [(20,)]


@pytest.mark.parametrize("seed", [pytest.param(seed, marks=[] if seed < 2 else pytest.mark.long) for seed in range(20)])
def test_chunks_after_kills_at_any_time(database: Database, seed: int) -> None:
    database.land(*events(range(100)))
    moments, patience = random.Random(seed), 1.0
    while in_child(_work, *where(database), Mode.chunks, after_seconds=patience * moments.uniform(0.5, 1.5)) != 0:
        patience *= 1.2  # on a busy machine a process needs longer before it gets anywhere
    assert database.in_target() == database.in_lake()
    assert database.query("SELECT rows FROM event_platform.loads") == [(100,)]
