"""Hours and days of the weather, worked out by hand."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from event_platform import environment
from event_platform.aggregate import weather_daily, weather_hourly
from event_platform.aggregate.daily import Aggregate, aggregate_pending
from event_platform.engines.duckdb import connect
from event_platform_tests.alerts.conftest import Weather

DAY = date(2026, 3, 10)


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 3, 10, hour, minute, tzinfo=UTC)


def answers(weather: Weather, aggregate: Aggregate, columns: str) -> list[tuple[Any, ...]]:
    with connect(environment.read()) as duck:
        aggregate_pending(weather.lake, aggregate, duck, "test")
        return duck.execute(f"SELECT {columns} FROM ({weather.lake.open(aggregate.table).select()}) ORDER BY ALL").fetchall()


@pytest.fixture
def observed(home: Path) -> Weather:
    weather = Weather(home)
    weather.observe(
        ("oslo", at(0), {"temperature_celsius": -2.0, "wind_gust_m_per_s": 5.0, "rain_intensity_mm_per_h": 0.0}),
        ("oslo", at(0, 30), {"temperature_celsius": 1.0, "wind_gust_m_per_s": None, "rain_intensity_mm_per_h": 3.0}),
        ("oslo", at(23, 59), {"temperature_celsius": 4.0, "wind_gust_m_per_s": 9.0, "rain_intensity_mm_per_h": 2.0}),
        ("bergen", at(12), {"temperature_celsius": 7.0}),
    )
    return weather


def test_an_hour(observed: Weather) -> None:
    columns = "place, hour_start_at, events, temperature_min_celsius, temperature_mean_celsius, wind_gust_max_m_per_s, rain_estimate_mm"
    assert answers(observed, weather_hourly.AGGREGATE, columns) == [
        ("bergen", at(12), 1, 7.0, 7.0, None, None),
        ("oslo", at(0), 2, -2.0, -0.5, 5.0, 1.5),
        ("oslo", at(23), 1, 4.0, 4.0, 9.0, 2.0),
    ]


def test_a_day(observed: Weather) -> None:
    columns = (
        "event_date, place, events, hours_observed, temperature_min_celsius, temperature_mean_celsius, temperature_max_celsius, rain_estimate_mm"
    )
    assert answers(observed, weather_daily.AGGREGATE, columns) == [
        (DAY, "bergen", 1, 1, 7.0, 7.0, 7.0, None),
        (DAY, "oslo", 3, 2, -2.0, 1.0, 4.0, 3.5),
    ]


def test_a_later_answer_for_the_same_place_and_time_replaces_the_earlier(observed: Weather) -> None:
    answers(observed, weather_daily.AGGREGATE, "place")
    observed.observe(("bergen", at(12), {"temperature_celsius": 8.0}))
    assert answers(observed, weather_daily.AGGREGATE, "place, events, temperature_max_celsius")[0] == ("bergen", 1, 8.0)
