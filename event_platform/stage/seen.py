"""The id look-up: on which event dates an event id has been staged before.

`stage.<source>_seen` holds a 64-bit hash and a date per staged event, 12 bytes a row before compression, and is scanned whole; measured at
about 5 ns a row, so half a second at 100 million. It is written before trusted: after a crash it knows too much, never too little, and knowing
too much costs a look at one more date. A hash shared by two ids does the same: ids themselves are compared in the merge.

The hash is DuckDB's, which promises it for one version only; a table made with another hash is made anew.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from event_platform import tables
from event_platform.engines.engine import drivers_duckdb
from event_platform.lake.conflicts import starts_anew
from event_platform.lake.table import Change
from event_platform.lake.write import write

if TYPE_CHECKING:
    from event_platform.engines.engine import Engine
    from event_platform.lake.catalog import Lake
    from event_platform.lake.table import LakeTable
    from event_platform.sources.contract import Source


PROBE = "SELECT event_key('event-platform')"
"""Tells one hash function from another; asked of this process's DuckDB, whose version every executor of Spark's has."""


def keep_current(engine: Engine, seen: LakeTable, stage: LakeTable, trusted: LakeTable, event_id: str, run_id: str) -> None:
    """Make the table anew from stage and trusted when DuckDB hashes otherwise than it did when the table was begun."""
    ((probe,),) = drivers_duckdb(engine).execute(PROBE).fetchall()
    if seen.note("hash").get("probe") != probe:
        _make_anew(engine, seen, stage, trusted, event_id, run_id, probe)


@starts_anew
def forget_the_gone(lake: Lake, source: Source, engine: Engine, run_id: str) -> None:
    """Make the table anew, so that no hash is left of events that are neither in stage nor in trusted: those of persons who were erased."""
    with lake.writing(f"trusted.{source.name}"):
        index, stage, trusted = (lake.open(declare(source)) for declare in (tables.seen, tables.stage, tables.trusted))
        ((probe,),) = drivers_duckdb(engine).execute(PROBE).fetchall()
        _make_anew(engine, index, stage, trusted, source.event_id, run_id, probe)


def _make_anew(engine: Engine, seen: LakeTable, stage: LakeTable, trusted: LakeTable, event_id: str, run_id: str, probe: int) -> None:
    events = f"SELECT {key(event_id)} AS event_key, event_date FROM (({_ids(stage, event_id)}) UNION ALL ({_ids(trusted, event_id)}))"
    added = write(engine, seen, f"SELECT DISTINCT event_key, event_date FROM ({events})") if seen.files() else []
    seen.commit(Change("replacement"), run_id, added=added, removed=seen.files(), notes={"hash": {"probe": probe}})


def _ids(table: LakeTable, event_id: str) -> str:
    return f'SELECT "{event_id}", event_date FROM ({table.select()})'


def dates_of(engine: Engine, seen: LakeTable, events: str, event_id: str) -> frozenset[date]:
    """The dates on which any of the events (a SELECT) has been staged before."""
    if not seen.files():
        return frozenset()
    keys = f"SELECT {key(event_id)} AS event_key FROM ({events})"
    found = engine.execute(f"SELECT DISTINCT event_date FROM ({seen.select()}) SEMI JOIN ({keys}) USING (event_key)").fetchall()
    return frozenset(day for (day,) in found)


def remember(engine: Engine, seen: LakeTable, events: str, event_id: str, run_id: str) -> None:
    """Add the events' keys and dates."""
    added = write(engine, seen, f"SELECT {key(event_id)} AS event_key, event_date FROM ({events})")
    seen.commit(Change("arrival"), run_id, added=added)


def key(event_id: str) -> str:
    """The hash as SQL; the same function whatever the engine (`engines.duckdb.EVENT_KEY`)."""
    return f'event_key("{event_id}")'
