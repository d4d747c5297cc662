"""What `event-platform demo` shows: for each feed where its sample comes from, and one question with the query that answers it.

Samples follow from fixed seeds and dates alone, so the demo run again lands the same bytes, which the platform knows to be repeats. The made-up
APIs are asked on behalf of a home of the demo's own, so neither settings nor the count of calls that a plan allows are touched.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from event_platform import sources
from event_platform.landing.waiting import pending_folder
from event_platform.partitions import days_between
from event_platform.samples import apis, census, clickstream, payments, storefront

if TYPE_CHECKING:
    from pathlib import Path

    from event_platform.environment import Environment

FIRST_MOMENT = datetime(2026, 1, 5, tzinfo=UTC)
INSIGHTS_DAYS = 3
PLACES = (("new-york", "New York"), ("helsinki", "Helsinki"), ("nairobi", "Nairobi"), ("wellington", "Wellington"))
POLLS, POLL_EVERY = 16, timedelta(hours=3)


@dataclass(frozen=True)
class Showing:
    """One feed: `make` writes its files for a home into a folder and gives them; `query` answers `question`."""

    make: Callable[[Environment, Path], list[Path]]
    question: str
    query: str


def _apart(here: Environment, folder: Path) -> Environment:
    """The same settings for a home and a lake of their own."""
    return replace(here, home=folder, lake_folder=None, lake_url=None, catalog=None)


def _pull_insights(here: Environment, folder: Path) -> list[Path]:
    from event_platform.pulls.insights import pull_dates
    from event_platform.pulls.pulled import raise_first

    last = FIRST_MOMENT + timedelta(days=INSIGHTS_DAYS - 1)
    with apis.opened(apis.insights_api()) as url:
        there = replace(_apart(here, folder), insights_url=url, insights_count=1000)
        done, failed = pull_dates(there, days_between(FIRST_MOMENT.date(), last.date()))
    raise_first(failed, len(done) + len(failed))
    return sorted(pending_folder(there, sources.get("insights")).iterdir())


@dataclass
class _Clock:
    """The time of which the weather is told."""

    moment: datetime


def _poll_weather(here: Environment, folder: Path) -> list[Path]:
    from event_platform.pulls.pulled import raise_first
    from event_platform.pulls.weather import poll

    clock = _Clock(FIRST_MOMENT)
    with apis.opened(apis.weather_api(lambda: clock.moment)) as url:
        there = replace(_apart(here, folder), tomorrow_url=url, tomorrow_api_key="demo", weather_places=PLACES, tomorrow_calls_per_day=1_000)
        for _ in range(POLLS):
            done, failed = poll(there, clock=lambda: clock.moment.timestamp())
            raise_first(failed, len(done) + len(failed))
            clock.moment += POLL_EVERY
    return sorted(pending_folder(there, sources.get("weather")).iterdir())


SHOWINGS = {
    "payments": Showing(
        lambda _, folder: payments.write_sample(folder),
        "How much money moves, and by what?",
        "SELECT transaction_type, sum(events) AS events, sum(amount_minor) / 100 AS amount, max(largest_amount_minor) / 100 AS largest "
        "FROM aggregate.payments_daily WHERE amount_minor > 0 GROUP BY ALL ORDER BY amount DESC",
    ),
    "storefront": Showing(
        lambda _, folder: storefront.write_sample(folder),
        "Which visitors buy?",
        "SELECT utm_source, sum(sessions) AS sessions, sum(confirmation_sessions) AS sales, "
        "round(100 * sum(confirmation_sessions) / sum(sessions), 1) AS percent FROM aggregate.storefront_funnel "
        "GROUP BY ALL ORDER BY percent DESC LIMIT 5",
    ),
    "insights": Showing(
        _pull_insights,
        "What do people do on the pages?",
        "PIVOT aggregate.insights_daily ON event_name USING sum(events) GROUP BY event_date ORDER BY event_date",
    ),
    "clickstream": Showing(
        lambda _, folder: clickstream.write_sample(folder),
        "Where are people, counted by five seconds?",
        "SELECT page, sum(events) AS events, count(DISTINCT start_time) AS windows, count(DISTINCT username) AS people "
        "FROM aggregate.clickstream_windows GROUP BY ALL ORDER BY events DESC LIMIT 4",
    ),
    "weather": Showing(
        _poll_weather,
        "Where did it blow hardest?",
        "SELECT place, event_date, wind_gust_max_m_per_s, temperature_min_celsius, temperature_max_celsius "
        "FROM aggregate.weather_daily ORDER BY wind_gust_max_m_per_s DESC LIMIT 4",
    ),
    "census": Showing(
        lambda _, folder: census.write_sample(folder),
        "What does school pay?",
        "SELECT education, sum(people) AS people, round(100 * sum(people) FILTER (class = '>50K') / sum(people)) AS percent_over_50k "
        "FROM aggregate.census_income GROUP BY ALL HAVING sum(people) >= 50 ORDER BY percent_over_50k DESC",
    ),
}

NEXT_STEPS = """[bold]What next[/]{enter}
  event-platform explore                      plots and SQL in the browser
  event-platform sql                          a shell over all tables
  event-platform quarantine list payments     what could not be staged, and why
  event-platform land payments FILE…          your own files; then: event-platform run
  event-platform ui                           the asset graph, backfills and checks in the browser
"""
