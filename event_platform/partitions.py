"""Days, as the whole platform counts them: half open, `[start, end)`, UTC, keyed `YYYY-MM-DD`."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    import dagster as dg

FIRST_LANDING_DATE = "2020-01-01"
"""No file can have been claimed before the platform was written."""


@cache
def landing_dates() -> dg.DailyPartitionsDefinition:
    """One partition per UTC day on which the platform claimed files, today included."""
    import dagster as dg

    return dg.DailyPartitionsDefinition(FIRST_LANDING_DATE, timezone="UTC", end_offset=1)


@cache
def event_dates(first_date: date, days_early_allowed: int) -> dg.DailyPartitionsDefinition:
    """One partition per UTC day on which events happened, up to the latest that a contract lets in early."""
    import dagster as dg

    return dg.DailyPartitionsDefinition(first_date.isoformat(), timezone="UTC", end_offset=1 + days_early_allowed)


def today() -> date:
    """The UTC day it is."""
    return datetime.now(UTC).date()


def days_between(first: date, last: date) -> list[date]:
    """Every day from first to last, both included; none if last is before first."""
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def spans(days: Iterable[date]) -> list[tuple[date, date]]:
    """The days as the fewest unbroken spans (first, last), in order."""
    found: list[tuple[date, date]] = []
    for day in sorted(set(days)):
        if found and day - found[-1][1] == timedelta(days=1):
            found[-1] = (found[-1][0], day)
        else:
            found.append((day, day))
    return found
