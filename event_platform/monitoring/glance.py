"""How each source is, at a glance: a row of words from the lake's figures, for `event-platform status --watch`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from event_platform.errors import PlatformError
from event_platform.monitoring import figures

if TYPE_CHECKING:
    from datetime import datetime

    from event_platform.monitoring.figures import Figure
    from event_platform.monitoring.of_lake import LakeLook
    from event_platform.sources.contract import Source

COLUMNS = ("source", "pending", "oldest", "landed", "staged", "quarantined", "trusted", "superseded", "lag", "last arrival", "accounting")
COUNTS = (figures.LANDED_LINES, figures.STAGED_LINES, figures.QUARANTINED_LINES, figures.TRUSTED_LINES, figures.SUPERSEDED_LINES)
UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def glance(look: LakeLook, source: Source, now: datetime) -> tuple[str, ...]:
    """A cell for each of COLUMNS; what is not known is empty, and of a lake that is away the last cell says why."""
    try:
        seen = {sample.figure: sample.value for sample in look.source(source, now) if sample.labels == (source.name,)}
    except PlatformError as error:
        return (source.name, *[""] * (len(COLUMNS) - 2), str(error))
    counts = [f"{seen[each]:,.0f}" if each in seen else "" for each in COUNTS]
    pending, oldest = f"{seen[figures.PENDING_FILES]:,.0f}", _age(seen, figures.OLDEST_PENDING_SECONDS)
    ages = _age(seen, figures.LAG_SECONDS), _age(seen, figures.LAST_ARRIVAL_SECONDS)
    closed = {1: "closes", 0: "open"}.get(int(seen.get(figures.ACCOUNTING_CLOSED, -1)), "")
    return (source.name, pending, oldest, *counts, *ages, closed)


def _age(seen: dict[Figure, float], figure: Figure) -> str:
    return lasted(seen[figure]) if seen.get(figure) else ""


def lasted(seconds: float) -> str:
    """A duration in its largest unit: `42 s`, `3 min`, `2 h`, `5 d`."""
    size, unit = next(((size, unit) for size, unit in UNITS if seconds >= size), (1, "s"))
    return f"{seconds // size:.0f} {unit}"


def sentence(row: tuple[str, ...]) -> str:
    """The row on one line, without what is empty."""
    told = (f"{column} {cell}" for column, cell in zip(COLUMNS[1:], row[1:], strict=True) if cell)
    return f"{row[0]}: {', '.join(told)}"
