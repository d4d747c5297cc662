"""One round of the alerts: look at what is new, send what is due. What a run, the schedule and the command line all do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from event_platform import tables
from event_platform.alerts import configuration
from event_platform.alerts.deliver import deliver_due
from event_platform.alerts.evaluate import evaluate_new, evaluate_rows
from event_platform.alerts.log import TABLE, AlertLog, alerts_of
from event_platform.wording import counted

if TYPE_CHECKING:
    from datetime import datetime

    import duckdb

    from event_platform.alerts.log import Entry
    from event_platform.lake.catalog import Lake
    from event_platform.sources.contract import Source


@dataclass(frozen=True)
class Round:
    """What a round did: rows it found due, and rows on tries to deliver."""

    found: list[Entry]
    tried: list[Entry]

    @property
    def sentence(self) -> str:
        """The round in a sentence."""
        sent = sum(entry.state == "sent" for entry in self.tried)
        return f"{counted(len(self.found), 'message')} found due, {sent} sent, {len(self.tried) - sent} failed"


def run_round(lake: Lake, duck: duckdb.DuckDBPyConnection, run_id: str, now: datetime, arrived: str | None = None) -> Round:
    """Evaluate and deliver; rounds exclude each other. Without a configuration file nothing is done; ConfigurationError if it cannot be used.

    With `arrived`, a SELECT that gives columns of trusted.weather, the round is about these observations, which are not in trusted yet; once they
    are there they raise nothing more. Evaluating commits the messages due before any is sent; see `deliver.py` for what a crash may cost.
    """
    if not configuration.is_configured(lake.environment):
        return Round([], [])
    wanted = configuration.read(lake.environment.alerts)
    with lake.writing(TABLE.name):
        log = AlertLog(lake, duck, run_id)
        found = evaluate_rows(arrived, log, wanted, now) if arrived else evaluate_new(lake, log, wanted, now)
        return Round(found, deliver_due(log, wanted, now))


def is_behind(lake: Lake, source: Source) -> bool:
    """Whether alerts are configured on the source and have not looked at all that trusted holds."""
    if not alerts_of(source) or not configuration.is_configured(lake.environment):
        return False
    trusted = lake.open(tables.trusted(source))
    return bool(trusted.changes_since(lake.open(TABLE).consumed(trusted.declared.name)))
