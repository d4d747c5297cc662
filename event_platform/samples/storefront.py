"""Page views of a made-up web shop, as the package `fake-web-events` draws them, and some trouble in them.

The package's own simulation runs by the clock; here its users and its walk from page to page are set going at seeded times, so that the same
arguments give the same bytes. Visits are spread over the day as the package's hours say, and every tenth begins shortly before midnight.
With trouble, some lines come twice, one comes in a later file than its neighbours, one has moved to the next day in a newer version, and
three are no page views.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from event_platform.errors import ConfigurationError, UsageError

if TYPE_CHECKING:
    from fake_web_events.event import Event

FIRST_DAY = date(2026, 1, 1)
SECONDS_A_PAGE = 90
"""How long a visitor looks at a page, give or take a third."""
TIME = "%Y-%m-%d %H:%M:%S.%f"


def write_sample(
    folder: Path,
    *,
    seed: int = 1,
    visits: int = 1_200,
    users: int = 60,
    days: int = 7,
    first_day: date = FIRST_DAY,
    files: int = 4,
    trouble: bool = True,
) -> list[Path]:
    """Write the page views of so many visits to `storefront-1.json` …, in order of time, and give the files.

    The same arguments give the same bytes. Raises UsageError when there is nothing to make, ConfigurationError when
    `fake-web-events` is not installed.
    """
    if min(visits, users, days, files) < 1:
        raise UsageError(f"A sample needs at least 1 visit, 1 user, 1 day and 1 file, not {visits}, {users}, {days} and {files}.")
    with _seeded(seed):
        views = sorted(_views(visits, users, days, first_day), key=lambda view: (view["event_timestamp"], view["event_id"]))
    cuts = [len(views) * number // files for number in range(files + 1)]
    parts = [[json.dumps(view) for view in views[start:stop]] for start, stop in pairwise(cuts)]
    if trouble and len(views) >= 100:
        _make_trouble(parts)
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"storefront-{number}.json" for number in range(1, files + 1)]
    for path, lines in zip(paths, parts, strict=True):
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return paths


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """The package draws from the process's random numbers and from Faker's: both are seeded, the former put back afterwards."""
    try:
        from faker import Faker
    except ImportError:
        raise ConfigurationError(
            "This sample is made by the package fake-web-events; install it with: pip install 'event-platform[samples]'"
        ) from None
    before = random.getstate()
    random.seed(seed)
    Faker.seed(seed)
    try:
        yield
    finally:
        random.setstate(before)


def _views(visits: int, users: int, days: int, first_day: date) -> Iterator[dict[str, Any]]:
    from fake_web_events.event import Event
    from fake_web_events.user import UserPool

    midnight = datetime.combine(first_day, time())
    visitors = [Event(midnight, user, SECONDS_A_PAGE) for user in UserPool(users).pool]
    for number in range(visits):
        visitor = random.choice(visitors)  # noqa: S311 - a sample, not a secret
        yield from _visit(visitor, midnight + timedelta(days=random.randrange(days)) + _time_of_day(visitor, number))  # noqa: S311


def _time_of_day(visitor: Event, number: int) -> timedelta:
    seconds = random.randrange(3600)  # noqa: S311
    if number % 10 == 0:
        return timedelta(hours=23, minutes=55, seconds=seconds // 12)
    return timedelta(hours=int(visitor.select("visits_per_hour")), seconds=seconds)


def _visit(visitor: Event, begin: datetime) -> Iterator[dict[str, Any]]:
    """One walk through the shop; a page that is loaded anew is no view."""
    visitor.current_page, visitor.current_timestamp, visitor.is_new_page = visitor.select("landing_pages"), begin, True
    while visitor.is_active():
        if visitor.is_new_page:
            yield visitor.asdict()
        begin += timedelta(seconds=SECONDS_A_PAGE)
        visitor.update(begin)


def _make_trouble(parts: list[list[str]]) -> None:
    """Spoil the lines of the files in place."""
    first, last = parts[0], parts[-1]
    moved = json.loads(first[7])
    later = datetime.fromisoformat(moved["event_timestamp"]) + timedelta(days=1)
    late = first.pop(5)
    last += [late, json.dumps(moved | {"event_timestamp": later.strftime(TIME)})]
    for lines in parts:
        lines += lines[:: max(1, len(lines) // 10)]
    bad = json.loads(last[0])
    last += [
        json.dumps(bad | {"event_id": "bad-latitude", "geo_latitude": "north"}),
        json.dumps(bad | {"event_id": "bad-device", "device_type": "Toaster"}),
        last[0][: len(last[0]) // 2],
    ]
