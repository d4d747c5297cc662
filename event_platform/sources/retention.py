"""How long a feed's records are kept, layer by layer; a contract says it, and `event-platform maintain` does it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Retention:
    """Days that each layer keeps, after the day itself; None is for ever.

    `archive_days`, `stage_days` and `quarantine_days` count from the landing date (the UTC day on which a file was claimed), `trusted_days` and
    `aggregate_days` from the event date (UTC). The ledger keeps its row of each file for ever: a file that is sent again is known.

    The archive must last as long as stage and quarantine, which are parsed anew from it, and aggregates as long as trusted, of which they tell.
    An aggregate that holds personal columns, or whose answers last over midnight, goes with the rows of trusted it is made from.
    """

    archive_days: int | None = None
    stage_days: int | None = None
    quarantine_days: int | None = None
    trusted_days: int | None = None
    aggregate_days: int | None = None

    def faults(self) -> Iterator[str]:
        """What cannot be, one sentence each."""
        for field in fields(self):
            days = getattr(self, field.name)
            if days is not None and (not isinstance(days, int) or isinstance(days, bool) or days < 0):
                yield f"`{field.name}` is {days!r}, which is no number of days from 0"
                return
        for longer, shorter, why in (
            ("archive_days", "stage_days", "what stage holds is parsed anew from it"),
            ("archive_days", "quarantine_days", "lines in quarantine are parsed anew from it"),
            ("aggregate_days", "trusted_days", "what trusted holds would be counted no more"),
        ):
            if _days(getattr(self, longer)) < _days(getattr(self, shorter)):
                told = "for ever" if getattr(self, shorter) is None else f"for {getattr(self, shorter)} days"
                yield f"`{longer}` is {getattr(self, longer)} and `{shorter}` says {told}; it must be at least as long, for {why}"


def _days(days: int | None) -> float:
    return float("inf") if days is None else days
