"""Every figure of the endpoint: its name, what it means and in which unit. The text is what Prometheus shows as HELP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

PREFIX = "event_platform_"


@dataclass(frozen=True)
class Figure:
    """One gauge; `name` is without the prefix that all have."""

    name: str
    meaning: str
    labels: tuple[str, ...] = ()

    def __call__(self, value: float, *labels: str) -> Sample:
        """The figure with a value, for the labels in their order."""
        return Sample(self, float(value), labels)


class Sample(NamedTuple):
    """A value of a figure."""

    figure: Figure
    value: float
    labels: tuple[str, ...]


UP = Figure("up", "1 if the part could be asked at the last look, 0 if not; the monitor's log says why.", ("part", "source"))
LOOKED_AT = Figure("looked_at_timestamp_seconds", "When the last look ended, in seconds since 1970 (UTC). All other figures are as old.")
LOOK_SECONDS = Figure("look_seconds", "How long the last look took, in seconds.")

PENDING_FILES = Figure("pending_files", "Files in pending/ that will be claimed.", ("source",))
REFUSED_FILES = Figure("refused_files", "Files in pending/ that are never claimed; `event-platform doctor` says why.", ("source",))
OLDEST_PENDING_SECONDS = Figure("oldest_pending_seconds", "Age of the pending file that changed first, in seconds; 0 when none waits.", ("source",))

LANDED_FILES = Figure("landed_files", "Files in the ledger, repeated ones included.", ("source",))
LANDED_LINES = Figure("landed_lines", "Lines that landed, without blank ones and those of repeated files.", ("source",))
STAGED_LINES = Figure("staged_lines", "Lines that were staged, those that retention erased since included.", ("source",))
QUARANTINED_LINES = Figure("quarantined_lines", "Lines in quarantine.", ("source",))
TRUSTED_LINES = Figure("trusted_lines", "Events in trusted: each is one line, its latest version.", ("source",))
SUPERSEDED_LINES = Figure(
    "superseded_lines",
    "Staged less trusted lines, once trusted has taken in all that is staged: those of which there is a later version, or that retention removed. "
    "From metadata alone; `event-platform status` looks at each row.",
    ("source",),
)
QUARANTINE_SHARE = Figure("quarantine_share", "Quarantined lines of the lines landed, from 0 to 1; 0 before anything landed.", ("source",))
QUARANTINE_SHARE_LIMIT = Figure("quarantine_share_limit", "Share of quarantined lines above which the contract warns, from 0 to 1.", ("source",))
ACCOUNTING_CLOSED = Figure(
    "accounting_closed",
    "1 if landed = staged + quarantined for every landing date of what stage has taken in, from metadata alone; may be 0 for a moment in a run.",
    ("source",),
)
LAST_ARRIVAL_SECONDS = Figure("last_arrival_seconds", "Time since the last file was claimed, in seconds; missing before the first.", ("source",))
FRESH_WITHIN_SECONDS = Figure("fresh_within_seconds", "How old the last arrival may be by the contract, in seconds; missing if any age.", ("source",))
LAG_SECONDS = Figure("lag_seconds", "Age of the oldest claimed file that is not wholly in trusted, in seconds; 0 when all are.", ("source",))
LAST_LAG_SECONDS = Figure(
    "last_lag_seconds", "From the first claim of the last run that claimed and merged to its commit of trusted, in seconds.", ("source",)
)

TABLE_ROWS = Figure("table_rows", "Rows of the table's current snapshot.", ("table",))
TABLE_BYTES = Figure("table_bytes", "Bytes of its data files.", ("table",))
TABLE_FILES = Figure("table_files", "Its data files.", ("table",))
TABLE_SMALL_FILES = Figure("table_small_files", "Of these, files that `event-platform maintain` would join with others.", ("table",))
TABLE_SNAPSHOTS = Figure("table_snapshots", "Its snapshots that have not expired.", ("table",))

ALERT_TRIES = Figure("alert_tries", "Tries to deliver a weather alert, by what became of them: sent, failed, given up.", ("outcome",))
ALERTS_WAITING = Figure("alerts_waiting", "Weather alerts that are neither sent nor given up.")

RUNS = Figure("runs_last_day", "Dagster runs that ended within the last 24 hours, by how: succeeded, failed, canceled.", ("outcome",))
RUNS_UNDER_WAY = Figure("runs_under_way", "Dagster runs that have not ended.")
LAST_RUN_FAILED = Figure("last_run_failed", "1 if the last arrival run of the source that ended failed, else 0.", ("source",))

CONSUMER_LAG = Figure(
    "consumer_lag_messages",
    "Messages of the source's topic that the group of its consumers has not committed yet, over all partitions; all there are before it began.",
    ("source",),
)

ALL = tuple(each for each in list(globals().values()) if isinstance(each, Figure))
