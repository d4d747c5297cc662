"""When a message may go out: quiet hours, set times of delivery, pauses between tries. Pure functions of times in UTC."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from zoneinfo import ZoneInfo

    from event_platform.alerts.configuration import Hours, Recipient

FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(minutes=10)
"""Pauses between tries in different rounds double from the first to the longest; new messages to the recipient wait as long, so it is short."""

SPANS_IN_A_ROW = 4
"""Quiet spans that follow each other are waited out, but not for ever: together they may fill the day."""


def due_at(recipient: Recipient, place: Hours | None, now: datetime) -> datetime:
    """When a message that arises now is to be sent: at the recipient's next set time, if it has any, and not in a quiet hour of either."""
    moment = next_set_time(recipient.deliver_at, recipient.time_zone, now) if recipient.deliver_at else now
    return after_quiet((recipient, place) if place else (recipient,), moment)


def after_quiet(parties: Iterable[Hours], moment: datetime) -> datetime:
    """The moment, or the end of the quiet hours it falls into."""
    parties = tuple(parties)
    for _ in range(SPANS_IN_A_ROW):
        ends = [end for end in (_quiet_end(hours, moment) for hours in parties) if end]
        if not ends:
            break
        moment = max(ends)
    return moment


def next_set_time(times: Iterable[time], zone: ZoneInfo, now: datetime) -> datetime:
    """The first of the local times of day that is not before now."""
    today = now.astimezone(zone).date()
    days = (today + timedelta(days=number) for number in (0, 1, 2))
    return min(moment for day in days for each in times for moment in _moments(day, each, zone) if moment >= now)


def next_try(attempt: int, now: datetime) -> datetime:
    """When to try again after the attempt-th failure: a pause that doubles, give or take half of it so that failures do not march in step."""
    pause: timedelta = min(FIRST_PAUSE * 2 ** min(attempt - 1, 10), LONGEST_PAUSE)
    return now + pause * random.uniform(0.5, 1.5)  # noqa: S311 - nothing secret about it


def _quiet_end(hours: Hours, moment: datetime) -> datetime | None:
    if hours.quiet_from is None or hours.quiet_until is None:
        return None
    local = moment.astimezone(hours.time_zone)
    now, start, end = local.time(), hours.quiet_from, hours.quiet_until
    quiet = start <= now < end if start < end else now >= start or now < end
    return next_set_time((end,), hours.time_zone, moment) if quiet else None


def _moments(day: date, clock: time, zone: ZoneInfo) -> set[datetime]:
    """When it is that local time on that day: twice when clocks are set back; a time that clocks skip comes as much later as they skip."""
    first, second = (datetime.combine(day, clock, tzinfo=zone).replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    return {first, max(first, second)}
