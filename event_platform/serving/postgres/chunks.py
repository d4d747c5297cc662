"""A trusted table in steps of so many records, in the order in which they landed: each record once, whatever dies.

A record is known by its place, the file and line it came from. New arrivals have places after all older ones, so the place of the last
record loaded is all there is to remember, and it is remembered in the transaction that brings the records.

Trusted also changes behind that place, in two ways. A newer version of an event is a record of its own with a later place: when its turn
comes, it replaces the older version, which readers see until then. A date that was derived anew (a reprocessing, a backfill, lines back
from quarantine) brings its records up to the place remembered with the next step, beside the new ones and not counted among them.
So once nothing is left to load, the target holds exactly what trusted holds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from event_platform.engines.spelling import identifier, in_dates
from event_platform.errors import PermanentError
from event_platform.serving.postgres.progress import Mode, Progress, begin, remember, seconds_since_rows
from event_platform.serving.postgres.stream import copy_in

if TYPE_CHECKING:
    import duckdb

    from event_platform.lake.table import LakeTable
    from event_platform.serving.postgres.relation import Relation
    from event_platform.serving.postgres.target import Connection

RECORDS = 1630
"""Records of a chunk, unless the load says otherwise."""

ALMOST = 0.7
"""A step is on time from this part of the interval on, since starts are not exact; more than half, so that two loaders are no faster than one."""

PLACE = "(file_id, line_number)"


@dataclass(frozen=True)
class Chunk:
    """What a step brought: new records, rows of dates that were derived anew, and all records so far."""

    records: int = 0
    corrected: int = 0
    so_far: int = 0


def load_chunk(
    connection: Connection,
    duck: duckdb.DuckDBPyConnection,
    table: LakeTable,
    relation: Relation,
    event_id: str,
    records: int,
    every_seconds: float = 0.0,
) -> Chunk:
    """Bring the next records, at most so many, unless the last ones came less than `every_seconds` ago; nothing left gives an empty chunk.

    Raises the PermanentErrors of `begin`, one when the table is older than what was loaded already, and one when the columns in the target are
    not as declared.
    """
    with connection.transaction():
        past = _begun(connection, table, relation, event_id)
        if every_seconds and past.rows and seconds_since_rows(connection, relation) < every_seconds * ALMOST:
            return Chunk(so_far=past.rows)
        anew = _derived_anew(table, past)
        arriving = _gathered(connection, duck, relation, _select(table, past, anew, records))
        (brought, following) = _counted(connection, arriving, past)
        _take_over(connection, relation, arriving, event_id, anew)
        file_id, line_number = _last_place(connection, arriving, past)
        after = replace(past, snapshot_id=table.snapshot_id, sequence=table.sequence, rows=past.rows + following)
        if after != past:
            remember(connection, replace(after, file_id=file_id, line_number=line_number), brought_rows=following > 0)
        return Chunk(following, brought - following, after.rows)


def _begun(connection: Connection, table: LakeTable, relation: Relation, event_id: str) -> Progress:
    past = begin(connection, relation, table, Mode.chunks)
    if past is None:
        relation.create(connection)
        connection.execute(f"ALTER TABLE {relation.sql} ADD PRIMARY KEY {PLACE}")
        connection.execute(f"CREATE INDEX ON {relation.sql} USING hash ({identifier(event_id)})")
        fresh = Progress(relation.name, table.declared.name, table.identity, Mode.chunks, table.snapshot_id, table.sequence)
        remember(connection, fresh)
        return fresh
    if past.sequence > table.sequence:
        raise PermanentError(
            f"{table.declared.name} is older than what {relation.name} was loaded from, as after its catalogue came back from a backup; "
            f"what lands again would be taken for loaded. Nothing was changed. Drop {relation.name} to have it loaded anew."
        )
    relation.add_missing_columns(connection)
    if not relation.has_declared_columns(connection):
        raise relation.differs(connection)
    return past


def _derived_anew(table: LakeTable, past: Progress) -> str | None:
    """Which rows behind the place remembered may have changed since: a condition, None for none."""
    if past.snapshot_id == table.snapshot_id:
        return None
    if past.snapshot_id and not table.remembers(past.snapshot_id):
        return "true"  # away for longer than snapshots are kept: it cannot be known
    dates = frozenset[date]().union(*(change.dates for change in table.changes_since(past.sequence) if change.kind == "replacement"))
    return in_dates("event_date", dates) if dates else None


def _select(table: LakeTable, past: Progress, anew: str | None, records: int) -> str:
    columns, since = table.declared.select_list, f"file_id >= {past.file_id}"
    later = f"SELECT {columns} FROM ({table.select(table.files(since))}) WHERE {since} AND {PLACE} > {past.place}"
    later = f"{later} ORDER BY {PLACE} LIMIT {records}"
    earlier = f"SELECT {columns} FROM ({table.select()}) WHERE {PLACE} <= {past.place} AND {anew}"
    return f"({later}) UNION ALL ({earlier})" if anew else later


def _gathered(connection: Connection, duck: duckdb.DuckDBPyConnection, relation: Relation, select: str) -> Relation:
    arriving = replace(relation, schema="pg_temp", table="event_platform_arriving")
    connection.execute(f"CREATE TEMPORARY TABLE {identifier(arriving.table)} (LIKE {relation.sql}) ON COMMIT DROP")
    copy_in(connection, duck, select, arriving)
    return arriving


def _counted(connection: Connection, arriving: Relation, past: Progress) -> tuple[int, int]:
    """How many rows arrive, and how many of them are records not brought before."""
    counts = connection.execute(f"SELECT count(*), count(*) FILTER (WHERE {PLACE} > {past.place}) FROM {arriving.sql}").fetchone()
    return counts or (0, 0)


def _last_place(connection: Connection, arriving: Relation, past: Progress) -> tuple[int, int]:
    last = connection.execute(f"SELECT file_id, line_number FROM {arriving.sql} ORDER BY 1 DESC, 2 DESC LIMIT 1").fetchone()
    return max(last or (0, 0), (past.file_id, past.line_number))


def _take_over(connection: Connection, relation: Relation, arriving: Relation, event_id: str, anew: str | None) -> None:
    """Rows of dates derived anew and older versions of what arrives go, what arrives comes."""
    if anew:
        connection.execute(f"DELETE FROM {relation.sql} WHERE {anew}")
    key = identifier(event_id)
    connection.execute(f"DELETE FROM {relation.sql} AS old USING {arriving.sql} AS new WHERE old.{key} = new.{key}")
    connection.execute(f"INSERT INTO {relation.sql} ({relation.columns}) SELECT {relation.columns} FROM {arriving.sql}")
