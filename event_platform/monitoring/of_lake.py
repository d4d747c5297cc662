"""What the lake tells of each source: what waits, whether the accounting closes, how late it is, how large its tables are.

Everything is read from metadata but the ledger and the log of alerts, which are small; and nothing is worked out again while
the tables it came from are as they were. Nothing is created.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from event_platform import accounting, tables
from event_platform.aggregate import aggregates_of
from event_platform.alerts.log import LATEST
from event_platform.alerts.log import TABLE as ALERTS
from event_platform.engines.duckdb import connect
from event_platform.lake.maintenance import worth_compacting
from event_platform.lake.table import Change
from event_platform.landing import ledger, queue
from event_platform.landing.waiting import EPOCH
from event_platform.monitoring import figures

if TYPE_CHECKING:
    from event_platform.lake.catalog import Lake
    from event_platform.lake.schema import Table
    from event_platform.lake.table import LakeTable
    from event_platform.monitoring.figures import Sample
    from event_platform.sources.contract import Source

Found = TypeVar("Found")
WITHOUT_A_CLOSER_LOOK = timedelta(days=36_500)
"""A settle time by which every pending file is still settling, so that none is opened to see who writes it."""


class _Ledger(NamedTuple):
    files: int
    lines: int
    last_claimed_at: datetime | None
    untaken_since: datetime | None
    last_lag: timedelta | None


class LakeLook:
    """Looks at a lake again and again."""

    def __init__(self, lake: Lake) -> None:
        """Nothing is read yet."""
        self._lake = lake
        self._known: dict[tuple[str, str], tuple[tuple[str, ...], object]] = {}

    def source(self, source: Source, now: datetime) -> list[Sample]:
        """All figures of a source; raises what reading it raises."""
        return [*self._pending(source, now), *_limits(source), *self._account(source, now), *self._tables(source)]

    def alerts(self) -> list[Sample]:
        """Deliveries of alerts by outcome."""
        log = self._lake.peek(ALERTS)
        return self._remembered("alerts", ALERTS.name, [log], lambda: self._deliveries(log)) if log else [figures.ALERTS_WAITING(0)]

    def _pending(self, source: Source, now: datetime) -> Iterator[Sample]:
        found = queue.pending(self._lake.environment, source, WITHOUT_A_CLOSER_LOOK, now)
        waiting = [*found.ready, *found.settling, *found.writing]
        first = min((file.mtime_ns for file in waiting), default=None)
        age = 0.0 if first is None else max(0.0, (now - EPOCH).total_seconds() - first / 1e9)
        yield figures.PENDING_FILES(len(waiting), source.name)
        yield figures.REFUSED_FILES(len(found.refused), source.name)
        yield figures.OLDEST_PENDING_SECONDS(age, source.name)

    def _account(self, source: Source, now: datetime) -> Iterator[Sample]:
        declared = [table(source) for table in (tables.ledger, tables.stage, tables.quarantine, tables.trusted)]
        entered, stage, quarantine, trusted = map(self._lake.peek, declared)
        if entered is None or stage is None or quarantine is None or trusted is None:
            return
        at_hand = [entered, stage, quarantine, trusted]
        landed = self._remembered("ledger", source.name, [entered, stage, trusted], lambda: self._ledger(source, entered, stage, trusted))
        staged = stage.rows + sum(accounting.retired_by_date(stage).values())
        closed = self._remembered("closed", source.name, at_hand, lambda: accounting.counts_close(self._lake, source))
        yield figures.LANDED_FILES(landed.files, source.name)
        yield figures.LANDED_LINES(landed.lines, source.name)
        yield figures.STAGED_LINES(staged, source.name)
        yield figures.QUARANTINED_LINES(quarantine.rows, source.name)
        yield figures.TRUSTED_LINES(trusted.rows, source.name)
        if not stage.changes_since(trusted.consumed(stage.declared.name)):
            yield figures.SUPERSEDED_LINES(staged - trusted.rows, source.name)
        yield figures.QUARANTINE_SHARE(quarantine.rows / landed.lines if landed.lines else 0, source.name)
        yield figures.ACCOUNTING_CLOSED(closed, source.name)
        yield figures.LAG_SECONDS(_seconds(landed.untaken_since, now) or 0, source.name)
        if (since := _seconds(landed.last_claimed_at, now)) is not None:
            yield figures.LAST_ARRIVAL_SECONDS(since, source.name)
        if landed.last_lag is not None:
            yield figures.LAST_LAG_SECONDS(landed.last_lag.total_seconds(), source.name)

    def _ledger(self, source: Source, entered: LakeTable, stage: LakeTable, trusted: LakeTable) -> _Ledger:
        merged = {str(run_id): at for run_id, at in _commits(trusted)}
        with connect(self._lake.environment) as duck:
            files = ledger.read(self._lake, source, duck)
        claimed = {file.run_id: file.claimed_at for file in sorted(files, key=lambda file: file.claimed_at, reverse=True)}
        both = max(merged.keys() & claimed.keys(), key=merged.__getitem__, default=None)
        first = _first_untaken(entered, stage, trusted)
        return _Ledger(
            len(files),
            sum(file.lines_to_account_for for file in files),
            max((file.claimed_at for file in files), default=None),
            min((file.claimed_at for file in files if file.file_id >= first), default=None),
            merged[both] - claimed[both] if both else None,
        )

    def _tables(self, source: Source) -> Iterator[Sample]:
        declared = [table(source) for table in (tables.ledger, tables.stage, tables.quarantine, tables.trusted, tables.seen)]
        for each in (*declared, *(aggregate.table for aggregate in aggregates_of(source))):
            if table := self._lake.peek(each):
                yield from self._remembered("size", each.name, [table], lambda each=each, table=table: list(_size(each, table)))  # type: ignore[misc]

    def _deliveries(self, log: LakeTable) -> list[Sample]:
        with connect(self._lake.environment) as duck:
            tries = duck.execute(f"SELECT state, count(*) FROM ({log.select()}) WHERE attempt > 0 GROUP BY state ORDER BY state").fetchall()
            waiting = duck.execute(f"SELECT count(*) FROM (FROM ({log.select()}) QUALIFY {LATEST}) WHERE state IN ('due', 'failed')").fetchall()
        return [*(figures.ALERT_TRIES(count, state) for state, count in tries), figures.ALERTS_WAITING(waiting[0][0])]

    def _remembered(self, what: str, name: str, of: list[LakeTable], work_out: Callable[[], Found]) -> Found:
        """What was worked out before, if none of the tables has changed since."""
        version = tuple(table.iceberg.metadata_location for table in of)
        known = self._known.get((what, name))
        if known is None or known[0] != version:
            known = self._known[what, name] = (version, work_out())
        return known[1]  # type: ignore[return-value] # under the same key is the same kind


def _limits(source: Source) -> Iterator[Sample]:
    yield figures.QUARANTINE_SHARE_LIMIT(source.quarantine_share_warning, source.name)
    if source.fresh_within_hours is not None:
        yield figures.FRESH_WITHIN_SECONDS(source.fresh_within_hours * 3600, source.name)


def _size(declared: Table, table: LakeTable) -> Iterator[Sample]:
    files = table.files()
    yield figures.TABLE_ROWS(table.rows, declared.name)
    yield figures.TABLE_BYTES(sum(file.file_size_in_bytes for file in files), declared.name)
    yield figures.TABLE_FILES(len(files), declared.name)
    yield figures.TABLE_SMALL_FILES(len(worth_compacting(table)), declared.name)
    yield figures.TABLE_SNAPSHOTS(len(table.iceberg.snapshots()), declared.name)


def _first_untaken(ledger: LakeTable, stage: LakeTable, trusted: LakeTable) -> int:
    """The smallest id of a file that arrived and that stage or trusted has not taken in; none has a greater one than 2⁶²."""
    changes = ledger.changes_since(stage.consumed(ledger.declared.name)) + stage.changes_since(trusted.consumed(stage.declared.name))
    return min((change.first_file_id for change in changes if change.kind == "arrival"), default=2**62)


def _commits(table: LakeTable) -> Iterator[tuple[str | None, datetime]]:
    """The run and the time (UTC) of each write that brought new rows, oldest first."""
    for snapshot in sorted(table.iceberg.snapshots(), key=lambda each: each.timestamp_ms):
        if snapshot.summary and Change.of(snapshot).kind == "arrival":
            run_id = snapshot.summary.additional_properties.get("event_platform.run-id")
            yield run_id, datetime.fromtimestamp(snapshot.timestamp_ms / 1000, UTC)


def _seconds(since: datetime | None, now: datetime) -> float | None:
    return None if since is None else max(0.0, (now - since).total_seconds())
