"""What was loaded so far: a table of the target, written in the transaction that loads."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING

from event_platform.engines.spelling import identifier
from event_platform.errors import PermanentError
from event_platform.lake.faults import explained
from event_platform.serving.postgres.target import lock

if TYPE_CHECKING:
    from event_platform.lake.table import LakeTable
    from event_platform.serving.postgres.relation import Relation
    from event_platform.serving.postgres.target import Connection


class Mode(StrEnum):
    """How a table is loaded: the whole of it, swapped in, or so many records at a time."""

    bulk = "bulk"
    chunks = "chunks"


TABLE = """
    CREATE SCHEMA IF NOT EXISTS event_platform;
    CREATE TABLE IF NOT EXISTS event_platform.loads (
        name text PRIMARY KEY,
        lake_table text NOT NULL,
        lake_table_id text NOT NULL,
        mode text NOT NULL,
        snapshot_id bigint NOT NULL,
        sequence bigint NOT NULL,
        file_id bigint NOT NULL,
        line_number bigint NOT NULL,
        rows bigint NOT NULL,
        loaded_at timestamptz NOT NULL DEFAULT now()
    );
    COMMENT ON TABLE event_platform.loads IS 'What event-platform load has brought here; written in the transaction that brings it';
    COMMENT ON COLUMN event_platform.loads.name IS 'The table that is loaded';
    COMMENT ON COLUMN event_platform.loads.lake_table_id IS 'Tells the lake table from one of the same name in another lake';
    COMMENT ON COLUMN event_platform.loads.snapshot_id IS 'Iceberg snapshot that the last load read; 0 for a table never written';
    COMMENT ON COLUMN event_platform.loads.sequence IS 'Sequence number of that snapshot';
    COMMENT ON COLUMN event_platform.loads.file_id IS 'In chunks: file of the last record loaded, in the order of landing';
    COMMENT ON COLUMN event_platform.loads.line_number IS 'In chunks: line of the last record loaded';
    COMMENT ON COLUMN event_platform.loads.rows IS 'Rows the last load brought; in chunks, records brought so far';
    COMMENT ON COLUMN event_platform.loads.loaded_at IS 'When the transaction began that last brought rows';
"""


@dataclass(frozen=True)
class Progress:
    """One row of `event_platform.loads`, but for the time."""

    name: str
    lake_table: str
    lake_table_id: str
    mode: str
    snapshot_id: int
    sequence: int
    file_id: int = 0
    line_number: int = 0
    rows: int = 0

    @property
    def place(self) -> str:
        """The last record loaded, as a row value of SQL."""
        return f"({self.file_id}, {self.line_number})"


def prepare(connection: Connection, relation: Relation) -> None:
    """Make what the first load into a database needs: the table of progress, and the relation's schema."""
    here = "SELECT to_regclass('event_platform.loads') IS NOT NULL AND to_regnamespace(%s) IS NOT NULL"
    schema = identifier(relation.schema)
    if connection.execute(here, [schema]).fetchone() != (True,):
        with connection.transaction():
            lock(connection, "event_platform.loads")
            connection.execute(f"{TABLE}; CREATE SCHEMA IF NOT EXISTS {schema}")


def begin(connection: Connection, relation: Relation, table: LakeTable, mode: Mode) -> Progress | None:
    """Lock the load until the transaction ends; its progress, None when the table is not there, so that dropping it means loading it anew.

    The table is looked at again once the lock is held, for another loader may have brought what is newer than when it was opened. Raises
    PermanentError for a relation that was not made here, or was made in the other mode or from another lake.
    """
    lock(connection, relation.name)
    with explained(table.declared.name):
        table.refresh()
    if relation.found_columns(connection) is None:
        return None
    columns = ", ".join(field.name for field in fields(Progress))
    row = connection.execute(f"SELECT {columns} FROM event_platform.loads WHERE name = %s", [relation.name]).fetchone()
    past = Progress(*row) if row else None
    if past is None or (past.lake_table_id, past.mode) != (table.identity, mode):
        raise _refusal(relation, past, mode)
    return past


def _refusal(relation: Relation, past: Progress | None, mode: Mode) -> PermanentError:
    if past is None:
        what = "is there already and was not made by event-platform"
    elif past.mode != mode:
        what = f"is loaded in mode {past.mode}"
    else:
        what = f"was loaded from {past.lake_table} of another lake"
    return PermanentError(
        f"{relation.name} {what}, so it was left as it is. Drop it to have it loaded anew, or load to another with --as SCHEMA.TABLE."
    )


def remember(connection: Connection, progress: Progress, brought_rows: bool = True) -> None:
    """Write the progress; with `brought_rows` also the time."""
    row = asdict(progress)
    updates = ", ".join(f"{name} = EXCLUDED.{name}" for name in (*row, *(["loaded_at"] if brought_rows else [])))
    connection.execute(
        f"INSERT INTO event_platform.loads ({', '.join(row)}) VALUES ({', '.join(['%s'] * len(row))}) ON CONFLICT (name) DO UPDATE SET {updates}",
        list(row.values()),
    )


def seconds_since_rows(connection: Connection, relation: Relation) -> float:
    """Seconds since the load last brought rows, by the target's clock."""
    age = "extract(epoch FROM clock_timestamp() - loaded_at)::float8"
    (seconds,) = connection.execute(f"SELECT {age} FROM event_platform.loads WHERE name = %s", [relation.name]).fetchone() or (float("inf"),)
    return float(seconds)
