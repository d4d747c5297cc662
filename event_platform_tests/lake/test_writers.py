"""Eight processes write to one table at once: nothing is lost, nothing is there twice, and each gets its turn."""

import json
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from event_platform import environment
from event_platform.engines.duckdb import connect
from event_platform.lake.catalog import Lake
from event_platform.lake.schema import Table
from event_platform.sources.contract import Column

WRITERS, COMMITS = 8, 4

WRITER = """
import sys
from contextlib import nullcontext

from event_platform import environment
from event_platform.engines.duckdb import connect
from event_platform.lake.catalog import Lake
from event_platform.lake.conflicts import starts_anew
from event_platform.lake.table import Change
from event_platform.lake.write import write
from event_platform_tests.lake.test_writers import COMMITS, WRITERS, table

name, writer, locks = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "locked"
lake, declared, tries = Lake(environment.read()), table(name), 0
with connect(lake.environment) as duck:

    @starts_anew
    def append(value):
        global tries
        tries += 1
        with lake.writing(declared.name) if locks else nullcontext():
            opened = lake.open(declared)
            taken = opened.consumed("all") + 1
            added = write(duck, opened, f"SELECT {writer}::BIGINT AS writer, {value}::BIGINT AS value, {taken}::BIGINT AS taken")
            opened.commit(Change("arrival", first_file_id=taken, last_file_id=taken), f"{writer}", added=added, consumed={"all": taken})

    lake.open(declared)
    print("ready", flush=True)
    sys.stdin.readline()
    for value in range(COMMITS):
        append(value)
print(tries)
"""


def table(name: str) -> Table:
    """Each row says who wrote it, and how many were there with it."""
    columns = (Column("writer", "long", "Who"), Column("value", "long", "Which of its commits"), Column("taken", "long", "Count of rows"))
    return Table("aggregate", name, "One row per commit.", columns)


def write_at_once(name: str, locked: bool) -> list[int]:
    """Start the writers together; how often each tried."""
    command = [sys.executable, "-c", WRITER, name]
    started = [
        subprocess.Popen([*command, str(writer), "locked" if locked else "free"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for writer in range(WRITERS)
    ]
    for each in started:
        assert each.stdout
        assert each.stdout.readline() == "ready\n"
    for each in started:
        assert each.stdin
        each.stdin.write("go\n")
        each.stdin.flush()
    told = [each.communicate(timeout=240)[0] for each in started]
    assert [each.returncode for each in started] == [0] * WRITERS
    return [json.loads(text) for text in told]


def rows(name: str) -> list[tuple[int, int, int]]:
    """Writer, value and count, in the order of the commits."""
    lake = Lake(environment.read())
    with connect(lake.environment) as duck:
        return duck.execute(f"SELECT writer, value, taken FROM ({lake.open(table(name)).select()}) ORDER BY taken").fetchall()


def assert_each_commit_is_there_once(written: list[tuple[int, int, int]]) -> None:
    assert sorted((writer, value) for writer, value, _ in written) == [(writer, value) for writer in range(WRITERS) for value in range(COMMITS)]
    assert [taken for _, _, taken in written] == list(range(1, WRITERS * COMMITS + 1)), "each has seen all that were before it"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.server)])
def name(request: pytest.FixtureRequest, home: Path, monkeypatch: pytest.MonkeyPatch) -> str:  # noqa: ARG001 - a lake in a home of its own
    """A table of its own in a catalogue of either kind."""
    if request.param == "postgres":
        monkeypatch.setenv("EVENT_PLATFORM_CATALOG", request.getfixturevalue("postgres").url())
    name = f"at_once_{uuid4().hex[:12]}"
    Lake(environment.read()).open(table(name))
    return name


def test_with_locks_nobody_works_in_vain_and_turns_go_round(name: str) -> None:
    """In PostgreSQL the lock is a queue; files let a waiting writer go before one that comes back."""
    tries = write_at_once(name, locked=True)
    written = rows(name)
    assert_each_commit_is_there_once(written)
    assert tries == [COMMITS] * WRITERS
    order = [writer for writer, _, _ in written]
    first_done = min(len(order) - order[::-1].index(writer) for writer in range(WRITERS))
    turns = sorted(order[:first_done].count(writer) for writer in range(WRITERS))
    on_postgres = environment.read().catalog is not None
    assert turns[0] >= COMMITS // 2 if on_postgres else turns[WRITERS // 2] >= 1, f"turns of each when the first was done, in order: {order}"


def test_without_locks_the_commit_itself_tells_who_is_second(name: str) -> None:
    tries = write_at_once(name, locked=False)
    assert_each_commit_is_there_once(rows(name))
    assert max(tries) > COMMITS, "they never met, so nothing was shown"
