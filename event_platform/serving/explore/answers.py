"""Answers for the notebook: each question opens a session of its own and closes it, so nothing is held while people look.

Personal columns are masked unless they were asked for.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from event_platform import accounting, environment, sources
from event_platform.engines.duckdb import connect
from event_platform.lake.catalog import Lake
from event_platform.landing.claiming import count_pending
from event_platform.serving.sql import session

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Answers:
    """The lake as of now; `reveal` shows personal values."""

    reveal: bool = False

    def ask(self, statement: str) -> pa.Table:
        """The answer to a SELECT over the tables; UsageError with DuckDB's reason if it cannot be given."""
        with session(environment.read(), masked=not self.reveal) as opened:
            return opened.arrow(statement)

    def accounts(self) -> list[dict[str, object]]:
        """The accounting of each source, in lines over all time."""
        here = environment.read()
        lake = Lake(here)
        with connect(here) as duck:
            found = [accounting.status(lake, source, duck, count_pending(lake, source)) for source in sources.all_sources().values()]
        return [{"source": each.source, "pending_files": each.pending_files, **asdict(each.total), "balanced": each.balanced} for each in found]


def thresholds(measure: str) -> list[tuple[str, float]]:
    """Name and threshold of the rules in alerts.toml on a column of trusted.weather; none when there is no such file.

    Raises ConfigurationError when the file cannot be used.
    """
    from event_platform.alerts import configuration

    path = environment.read().alerts
    rules = configuration.read(path).rules if path.exists() else ()
    return [(rule.name, level) for rule in rules if rule.column == measure for level in (rule.above, rule.below) if level is not None]
