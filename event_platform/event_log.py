"""Dagster's event log in the platform's home: SQLite files that stay open between events, and take the dates of a step in one go.

A run over a year writes thousands of events. Opening a file for each costs several times the writing of it, closing the last connection forces
SQLite to fold its write-ahead log back, with a wait for the disk, and SQLAlchemy takes two milliseconds for the four statements of one event.
"""

from __future__ import annotations

from collections import OrderedDict
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import uuid4

from dagster import AssetCheckEvaluation, DagsterEventType
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, SqlEventLogStorageTable
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from sqlalchemy import create_engine, event, inspect, select

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dagster._core.events.log import EventLogEntry
    from sqlalchemy.engine import Connection, Engine

OPEN_FILES = 8
"""Each run has a file of its own; so many are kept open besides the common index."""


class HomeEventLog(SqliteEventLogStorage):
    """A power cut may cost the last events, never a file."""

    _empty: ClassVar[bytes] = b""
    """The file of a run without events, for the next run: making one asks alembic, which takes a fifth of a second."""

    def __init__(self, base_dir: str) -> None:
        """Nothing is opened yet."""
        self._engines: OrderedDict[str, Engine] = OrderedDict()
        super().__init__(base_dir)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            engine = self._engines.pop(shard, None) or self._opened(shard)
            self._engines[shard] = engine
            while len(self._engines) > OPEN_FILES:
                self._engines.popitem(last=False)[1].dispose()
            with engine.connect() as connection, connection.begin():
                yield connection

    def _opened(self, shard: str) -> Engine:
        path = Path(self.path_for_shard(shard))
        if self._empty and not path.exists():
            _place(self._empty, path)
        engine = create_engine(self.conn_string_for_shard(shard), connect_args={"timeout": 60, "check_same_thread": False})
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous = NORMAL"))
        if not inspect(engine).has_table("alembic_version"):  # the last that Dagster makes
            self._initdb(engine)
            HomeEventLog._empty = _if_empty(engine)
        return engine

    @property
    def supports_asset_checks(self) -> bool:
        """Always: files of the home were never written by a Dagster without them. Dagster itself would look at the file for each event."""
        return True

    def _has_asset_key_index_cols_on_connection(self, conn: Connection) -> bool:  # noqa: ARG002 - for the same reason
        return True

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Materializations or verdicts of one run are written in a statement for each table; anything else one by one."""
        kinds = {(entry.run_id, entry.dagster_event_type) for entry in events}
        if len(kinds) != 1 or events[0].dagster_event_type not in _TOGETHER:
            super().store_event_batch(events)
            return
        with self.index_connection() as connection:
            planned = _planned(connection, events[0].run_id)
        if not planned.isdisjoint(map(_check_of, events)):
            super().store_event_batch(events)
            return
        rows, insert = [self._event_to_row(entry) for entry in events], SqlEventLogStorageTable.insert()
        with self.index_connection() as connection:
            ids = connection.execute(insert.returning(SqlEventLogStorageTable.c.id, sort_by_parameter_order=True), rows).scalars().all()
            self._store_what_follows(connection, events, rows, ids)
        with self.run_connection(events[0].run_id) as connection:  # last: after an error before, Dagster stores each again
            connection.execute(insert, rows)

    def _store_what_follows(self, connection: Connection, events: Sequence[EventLogEntry], rows: list[dict[str, Any]], ids: Sequence[int]) -> None:
        if events[0].dagster_event_type == DagsterEventType.ASSET_CHECK_EVALUATION:
            connection.execute(AssetCheckExecutionsTable.insert(), [_verdict(*each) for each in zip(events, rows, ids, strict=True)])
            return
        self._store_asset_event_tags(connection, events, ids)
        last = {row["asset_key"]: stored for row, stored in zip(rows, zip(events, ids, strict=True), strict=True)}
        for entry, number in last.values():
            self._store_asset_event(connection, entry, number)

    def dispose(self) -> None:
        """Close all files."""
        while self._engines:
            self._engines.popitem()[1].dispose()
        super().dispose()


_TOGETHER = (DagsterEventType.ASSET_MATERIALIZATION, DagsterEventType.ASSET_CHECK_EVALUATION)


def _if_empty(engine: Engine) -> bytes:
    """The file, unless another process has already stored events in it."""
    with engine.connect() as connection:
        content: bytes = connection.connection.driver_connection.serialize()  # type: ignore[union-attr] # sqlite3's own, which is open
        return b"" if connection.execute(select(SqlEventLogStorageTable.c.id).limit(1)).first() else content


def _place(content: bytes, path: Path) -> None:
    """Whole or not at all, unless another process was first."""
    part = path.with_name(f"{path.name}.{uuid4().hex}.part")
    part.write_bytes(content)
    try:
        path.hardlink_to(part)
    except OSError:  # there is one now, or this file system has no links; then it is made by Dagster
        pass
    finally:
        part.unlink()


def _planned(connection: Connection, run_id: str) -> set[tuple[Any, ...]]:
    """The checks that Dagster has entered for the run, before they were made or after: what is found of them takes that entry's place."""
    columns = AssetCheckExecutionsTable.c
    entered = select(columns.asset_key, columns.check_name, columns.partition).where(columns.run_id == run_id)
    return {tuple(row) for row in connection.execute(entered)}


def _check_of(entry: EventLogEntry) -> tuple[Any, ...]:
    found = entry.get_dagster_event().event_specific_data
    return (found.asset_key.to_string(), found.check_name, found.partition) if isinstance(found, AssetCheckEvaluation) else ()


def _verdict(entry: EventLogEntry, row: dict[str, Any], number: int) -> dict[str, Any]:
    evaluation = entry.get_dagster_event().event_specific_data
    assert isinstance(evaluation, AssetCheckEvaluation)  # noqa: S101 - as its type says
    target = evaluation.target_materialization_data
    return {
        "asset_key": evaluation.asset_key.to_string(),
        "check_name": evaluation.check_name,
        "partition": evaluation.partition,
        "run_id": entry.run_id,
        "execution_status": (AssetCheckExecutionRecordStatus.SUCCEEDED if evaluation.passed else AssetCheckExecutionRecordStatus.FAILED).value,
        "evaluation_event": row["event"],
        "evaluation_event_timestamp": row["timestamp"],
        "evaluation_event_storage_id": number,
        "materialization_event_storage_id": target.storage_id if target else None,
    }
