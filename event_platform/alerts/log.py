"""`aggregate.weather_alerts`: what was to be said to whom, and what became of it. The only memory that alerts have.

The log is only added to. A message to a recipient has one row when it is found due, and one more for each try to deliver it. The row with
the greatest `attempt` says how it stands; which breaches are open follows from the latest row of each rule and place.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from event_platform.alerts.hysteresis import State
from event_platform.lake.schema import Table
from event_platform.lake.table import Change
from event_platform.lake.write import write
from event_platform.sources import is_example
from event_platform.sources.contract import Column
from event_platform.sources.weather import SOURCE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import duckdb

    from event_platform.alerts.hysteresis import Kind
    from event_platform.lake.catalog import Lake
    from event_platform.sources.contract import Source

TABLE = Table(
    "aggregate",
    "weather_alerts",
    "One row per message found due, and one per try to deliver it.",
    (
        Column("alert_id", "string", "Rule, place, time of the observation and kind: identifies what is told", nullable=False),
        Column("kind", "string", "breach, or recovery when it is over", nullable=False, accepted=("breach", "recovery")),
        Column("rule", "string", "Name of the rule in alerts.toml", nullable=False),
        Column("place", "string", "Short name of the place", nullable=False),
        Column("measure", "string", "Column of trusted.weather that the rule looks at", nullable=False),
        Column("observation_id", "string", "`event_id` of the observation in trusted.weather", nullable=False),
        Column("observed_at", "timestamp", "Time of the observation (UTC)", nullable=False),
        Column("value", "double", "What was observed, in the measure's unit", nullable=False),
        Column("threshold", "double", "The level that was passed: of the breach, or the clear level", nullable=False),
        Column("is_above", "boolean", "Whether the rule is breached above its threshold, not below", nullable=False),
        Column("recipient", "string", "Who is told, by the name in alerts.toml", nullable=False),
        Column("state", "string", "What became of it", nullable=False, accepted=("due", "sent", "failed", "given up")),
        Column("attempt", "long", "0 for what was found due, then the number of the try", nullable=False),
        Column("due_at", "timestamp", "When it was to be sent, or after a failure when it is to be tried again (UTC)", nullable=False),
        Column("first_due_at", "timestamp", "When it was first to be sent (UTC)", nullable=False),
        Column("is_gathered", "boolean", "Whether it waited for a set time or the end of quiet hours and goes out with others", nullable=False),
        Column("error", "string", "Why the try failed; addresses and passwords are masked"),
        Column("logged_at", "timestamp", "When the row was written (UTC)", nullable=False),
        Column("run_id", "string", "Run that wrote the row", nullable=False),
    ),
)


def alerts_of(source: Source) -> tuple[Table, ...]:
    """The log, where the source is the weather that comes with the platform; nothing where it is another."""
    return (TABLE,) if is_example(source, SOURCE.name) else ()


EVALUATED, NEXT_DUE = "evaluated", "next_due"
"""Notes on the table, written in the same commit as rows: the last observation looked at of each place, and when the next message is due."""

LATEST = "row_number() OVER (PARTITION BY alert_id, recipient ORDER BY attempt DESC) = 1"
"""Which row says how a message stands."""


@dataclass(frozen=True)
class Entry:
    """One row, without when and by which run it is written."""

    alert_id: str
    kind: Kind
    rule: str
    place: str
    measure: str
    observation_id: str
    observed_at: datetime
    value: float
    threshold: float
    is_above: bool
    recipient: str
    state: Literal["due", "sent", "failed", "given up"]
    attempt: int
    due_at: datetime
    first_due_at: datetime
    is_gathered: bool
    error: str | None = None

    def after_try(self, state: Literal["sent", "failed", "given up"], due_at: datetime, error: str | None = None) -> Entry:
        """The row that follows a try."""
        return replace(self, state=state, attempt=self.attempt + 1, due_at=due_at, error=error)


class AlertLog:
    """The log as one round works on it; the caller holds the lock of `TABLE`."""

    def __init__(self, lake: Lake, duck: duckdb.DuckDBPyConnection, run_id: str) -> None:
        """Reads which messages are not delivered yet."""
        self.table, self.duck, self.run_id = lake.open(TABLE), duck, run_id
        self._undelivered = {(entry.alert_id, entry.recipient): entry for entry in self._read_undelivered()}

    def waiting(self) -> dict[str, list[Entry]]:
        """By recipient: how each message stands that is neither sent nor given up, the oldest observation first."""
        found: dict[str, list[Entry]] = {}
        for entry in sorted(self._undelivered.values(), key=lambda entry: (entry.observed_at, entry.alert_id)):
            found.setdefault(entry.recipient, []).append(entry)
        return found

    def states(self) -> dict[tuple[str, str, str], State]:
        """By rule, measure and place: whether a breach is open, and the last breach told."""
        rows = self.duck.execute(f"""
            SELECT rule, measure, place, max_by(kind, observed_at) = 'breach', max(observed_at) FILTER (kind = 'breach')
            FROM ({self.table.select()}) GROUP BY rule, measure, place""").fetchall()
        return {(rule, measure, place): State(is_open, breached_at) for rule, measure, place, is_open, breached_at in rows}

    def evaluated(self) -> dict[str, datetime]:
        """The time of the last observation looked at, by place (UTC)."""
        return {place: datetime.fromisoformat(str(moment)) for place, moment in self.table.note(EVALUATED).items()}

    def append(
        self, entries: Sequence[Entry], now: datetime, evaluated: Mapping[str, datetime] | None = None, consumed: Mapping[str, int] | None = None
    ) -> None:
        """Add rows, and remember what was looked at and when the next message is due, in one commit."""
        for entry in entries:
            key = (entry.alert_id, entry.recipient)
            if entry.state in ("due", "failed"):
                self._undelivered[key] = entry
            else:
                self._undelivered.pop(key, None)
        notes: dict[str, object] = {NEXT_DUE: self._next_due()}
        if evaluated is not None:
            notes[EVALUATED] = {place: moment.astimezone(UTC).isoformat() for place, moment in evaluated.items()}
        added = write(self.duck, self.table, self._select(entries, now)) if entries else []
        dates = frozenset(entry.observed_at.astimezone(UTC).date() for entry in entries)
        self.table.commit(Change("arrival", dates=dates), self.run_id, added=added, consumed=consumed, notes=notes)

    def postpone(self, entries: Sequence[Entry], now: datetime) -> None:
        """Have messages wait longer. The log gets no row, since nothing was tried; only when the next message is due is remembered, if it differs."""
        self._undelivered |= {(entry.alert_id, entry.recipient): entry for entry in entries}
        if entries and self._next_due() != self.table.note(NEXT_DUE):
            self.append([], now)

    def _next_due(self) -> dict[str, object]:
        next_due = min((ready_at(entries) for entries in self.waiting().values()), default=None)
        return {"at": next_due.astimezone(UTC).isoformat()} if next_due else {}

    def _select(self, entries: Sequence[Entry], now: datetime) -> str:
        import pyarrow as pa

        written = {"logged_at": now, "run_id": self.run_id}
        self.duck.register("alert_entries", pa.Table.from_pylist([asdict(entry) | written for entry in entries]))
        return "SELECT * FROM alert_entries"

    def _read_undelivered(self) -> list[Entry]:
        names = [column.name for column in TABLE.columns if column.name not in ("logged_at", "run_id")]
        rows = self.duck.execute(f"""
            SELECT {", ".join(names)} FROM (FROM ({self.table.select()}) QUALIFY {LATEST}) WHERE state IN ('due', 'failed')""").fetchall()
        return [Entry(**dict(zip(names, row, strict=True))) for row in rows]


def ready_at(entries: Sequence[Entry]) -> datetime:
    """When something may be sent to the recipient for whom these wait: after a failure not before the next try, lest a message overtake another."""
    failed = [entry.due_at for entry in entries if entry.state == "failed"]
    return max(failed) if failed else min(entry.due_at for entry in entries)


def next_due(lake: Lake) -> datetime | None:
    """When the next message is due, from metadata alone; None when none is."""
    moment = lake.open(TABLE).note(NEXT_DUE).get("at") if lake.exists(TABLE) else None
    return datetime.fromisoformat(str(moment)) if moment else None
