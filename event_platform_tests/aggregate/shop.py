"""A shop whose page views are written straight into trusted, and its sessions computed by plain Python."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import groupby

import duckdb
import pyarrow as pa

from event_platform import tables
from event_platform.aggregate import storefront_funnel, storefront_sessions
from event_platform.aggregate.daily import Aggregate, aggregate_pending, recompute_dates
from event_platform.lake.catalog import Lake
from event_platform.lake.table import Change
from event_platform.lake.write import write
from event_platform.sources.storefront import SOURCE
from event_platform.trusted.dates import files_of_dates

SESSIONS, FUNNEL = storefront_sessions.AGGREGATE, storefront_funnel.AGGREGATE
MIDNIGHT = datetime(2026, 3, 1, tzinfo=UTC)
GAP = timedelta(minutes=30)
TYPES = {"long": pa.int64(), "double": pa.float64(), "boolean": pa.bool_(), "date": pa.date32(), "timestamp": pa.timestamp("us", tz="UTC")}


@dataclass(frozen=True, order=True)
class View:
    """A page view in short: whose, when (minutes after 2026-03-01 00:00 UTC), which."""

    cookie: str
    minute: float
    event_id: str
    page: str = "/home"
    source: str | None = "google"

    @property
    def at(self) -> datetime:
        return MIDNIGHT + timedelta(minutes=self.minute)

    @property
    def day(self) -> date:
        return self.at.date()

    def row(self) -> dict[str, object]:
        """The view as a row of trusted."""
        return {
            "event_id": self.event_id,
            "event_timestamp": self.at,
            "event_type": "pageview",
            "domain_event_type": "pageview",
            "page_url_path": self.page,
            "cookie_id": self.cookie,
            "utm_source": self.source,
            "device_type": "Mobile",
            "event_date": self.day,
            "landing_date": date(2026, 3, 1),
            "landing_file": "1.json",
            "file_id": 1,
            "line_number": 1,
            "year": self.day.year,
            "month": self.day.month,
            "day": self.day.day,
        }


@dataclass
class Shop:
    """A lake with the shop's trusted table, what is in it, and short ways to change it and to aggregate."""

    lake: Lake
    duck: duckdb.DuckDBPyConnection
    views: dict[str, View] = field(default_factory=dict)

    def take_in(self, *views: View, lose: Iterable[str] = ()) -> frozenset[date]:
        """New views, newer versions of old ones (the same id) and views that vanish, as one write to trusted; give the dates it touched."""
        old = [self.views.pop(event_id) for event_id in {*lose, *(view.event_id for view in views)} if event_id in self.views]
        self.views |= {view.event_id: view for view in views}
        touched = frozenset(view.day for view in (*old, *views))
        trusted = self.lake.open(tables.trusted(SOURCE))
        rows = [view.row() for view in self.views.values() if view.day in touched]
        schema = pa.schema({column.name: TYPES.get(column.type, pa.string()) for column in trusted.declared.columns})
        self.duck.register("views", pa.Table.from_pylist(rows, schema=schema))
        added = write(self.duck, trusted, "SELECT * FROM views")
        trusted.commit(Change("arrival", dates=touched), "test", added=added, removed=files_of_dates(trusted, touched))
        return touched

    def aggregate(self, aggregate: Aggregate = SESSIONS) -> frozenset[date]:
        """What an arrival run does; give the dates recomputed."""
        return aggregate_pending(self.lake, aggregate, self.duck, "run")

    def backfill(self, *days: date, aggregate: Aggregate = SESSIONS) -> frozenset[date]:
        return recompute_dates(self.lake, aggregate, self.duck, "run", days)

    def rows(self, columns: str = "cookie_id, started_at, ended_at, pages", aggregate: Aggregate = SESSIONS) -> list[tuple[object, ...]]:
        return self.duck.execute(f"SELECT {columns} FROM ({self.lake.open(aggregate.table).select()}) ORDER BY ALL").fetchall()


SESSION = "event_date, session_id, cookie_id, started_at, ended_at, pages, landing_page, utm_source, saw_product, converted, converted_at"


def sessions_of(views: Iterable[View]) -> list[tuple[object, ...]]:
    """The columns of SESSION, computed from all of history at once."""
    ordered = sorted(views, key=lambda view: (view.cookie, view.at, view.event_id))
    found = [_session(session) for _, mine in groupby(ordered, key=lambda view: view.cookie) for session in _cut(list(mine))]
    return sorted(found, key=lambda session: session[:2])


def _cut(views: Sequence[View]) -> list[list[View]]:
    sessions: list[list[View]] = []
    for view in views:
        if sessions and view.at - sessions[-1][-1].at <= GAP:
            sessions[-1].append(view)
        else:
            sessions.append([view])
    return sessions


def _session(views: Sequence[View]) -> tuple[object, ...]:
    first, sales = views[0], [view.at for view in views if view.page == "/confirmation"]
    saw_product = any(view.page.startswith("/product") for view in views)
    told = (first.at, views[-1].at, len(views), first.page, first.source, saw_product, bool(sales), min(sales, default=None))
    return (first.day, first.event_id, first.cookie, *told)
