"""How far answers reach over midnight: which of them may change when other dates changed, and which dates each is made from.

All of it is told by the tables' metadata; no row is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, ClassVar

from event_platform.partitions import days_between
from event_platform.trusted.dates import event_date_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyiceberg.manifest import DataFile

    from event_platform.lake.table import LakeTable

DAY = timedelta(days=1)


@dataclass(frozen=True)
class OwnDate:
    """An answer is made from the rows of its own date, and of no other."""

    neighbours: ClassVar[int] = 0

    def outdated(self, changed: frozenset[date], answers: LakeTable) -> frozenset[date]:  # noqa: ARG002 - others look at the answers
        """Dates of answers that may be wrong now that these dates of the table below changed."""
        return changed

    def made_from(self, dates: frozenset[date], answers: LakeTable) -> frozenset[date]:  # noqa: ARG002 - others look at the answers
        """Dates of the table below that the answers of these dates are made from, as far as is known beforehand."""
        return dates

    def goes_on(self, answers: LakeTable, files: Iterable[DataFile]) -> frozenset[date]:  # noqa: ARG002 - others look at the answers
        """Dates on which answers in the files might go on, if the table below has rows there."""
        return frozenset()


@dataclass(frozen=True)
class Lasting:
    """An answer begins on its date and lasts until the time in its column `until`: rows that follow within `gap` belong to it.

    `gap` is under a day, and rows exactly `gap` apart still belong together, so an answer that reaches a date has rows on every date before.

    Why `outdated` misses nothing: let C be dates that changed. An answer is the same as before unless the time from `gap` before it begins
    to `gap` after it ends touches a date in C. If the first such date is the one on which it begins, or the one before, then it begins on a
    date in C or on the next. Otherwise it begins earlier; its rows before that date have not changed, and the last of them is within `gap` of
    that midnight, so the stored answer of the same beginning, whatever became of its end, reaches that date too.
    """

    until: str
    gap: timedelta

    neighbours: ClassVar[int] = 1

    def outdated(self, changed: frozenset[date], answers: LakeTable) -> frozenset[date]:
        """The changed dates, those after them, and earlier ones with answers that reach a changed date."""
        reaching = {begun for begun, last in self._last_dates(answers, answers.files()) if not changed.isdisjoint(days_between(begun, last))}
        return changed | {day + DAY for day in changed} | reaching

    def made_from(self, dates: frozenset[date], answers: LakeTable) -> frozenset[date]:
        """From the date before, on which a row may turn out to be where an answer begins, to the last that the stored answers reach."""
        reached = (days_between(begun, last) for begun, last in self._last_dates(answers, answers.files()) if begun in dates)
        return dates.union({day - DAY for day in dates}, {day + DAY for day in dates}, *reached)

    def goes_on(self, answers: LakeTable, files: Iterable[DataFile]) -> frozenset[date]:
        """The last dates that answers in the files reach."""
        return frozenset(last for _, last in self._last_dates(answers, files))

    def _last_dates(self, answers: LakeTable, files: Iterable[DataFile]) -> Iterable[tuple[date, date]]:
        """Per file, the date on which its answers begin and the last date on which a row could belong to one of them."""
        for file in files:
            yield event_date_of(answers, file), (answers.latest(file, self.until) + self.gap).date()


Reach = OwnDate | Lasting
