"""Answers of Tomorrow.io as files, through the whole pipeline."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from event_platform import sources
from event_platform_tests.pipeline import Pipeline

NAME = "weather-new-york-20250724T035100Z.json"


def answer(**values: object) -> dict[str, Any]:
    """An answer in the shape of the API's."""
    location = {"lat": 43.156, "lon": -75.845, "name": "New York, United States", "type": "administrative"}
    return {
        "data": {"time": "2025-07-24T03:49:00Z", "values": {"temperature": 21, "windGust": 2.4, "weatherCode": 1000} | values},
        "location": location,
    }


@pytest.fixture
def pipeline(home: Path) -> Pipeline:
    assert not home.exists()
    return Pipeline(sources.get("weather"))


def test_an_answer_becomes_one_flat_row(pipeline: Pipeline) -> None:
    pipeline.drop(NAME, json.dumps(answer(cloudBase=None, hailProbability=7), indent=2))
    pipeline.run_well()
    columns = "event_id, place, observed_at, temperature_celsius, wind_gust_m_per_s, weather_code, cloud_base_km, latitude_degrees, extra"
    found = pipeline.sql(f"SELECT {columns} FROM trusted.weather")
    observed_at = datetime(2025, 7, 24, 3, 49, tzinfo=UTC)
    ((*known, extra),) = found
    assert known == ["new-york@2025-07-24T03:49:00Z", "new-york", observed_at, 21.0, 2.4, 1000, None, 43.156]
    assert "hailProbability" in str(extra)
    assert pipeline.sql("SELECT events, temperature_max_celsius FROM aggregate.weather_daily") == [(1, 21.0)]


def test_the_same_observation_in_two_answers_is_one_event(pipeline: Pipeline) -> None:
    pipeline.drop(NAME, json.dumps(answer()))
    pipeline.drop("weather-new-york-20250724T035200Z.json", json.dumps(answer(temperature=22)))
    pipeline.drop("weather-boston-20250724T035200Z.json", json.dumps(answer(humidity=80)))
    pipeline.run_well()
    assert pipeline.sql("SELECT place, temperature_celsius FROM trusted.weather ORDER BY ALL") == [("boston", 21.0), ("new-york", 22.0)]


def test_the_same_bytes_of_two_places_are_two_observations(pipeline: Pipeline) -> None:
    for place in ("new-york", "brooklyn", "new-york"):
        pipeline.drop(f"weather-{place}-20250724T035100Z.json", json.dumps(answer()))
        pipeline.run_well()
    assert pipeline.sql("SELECT place FROM trusted.weather ORDER BY ALL") == [("brooklyn",), ("new-york",)]
    assert [row[0] for row in pipeline.sql("SELECT duplicate_of IS NULL FROM landing.weather ORDER BY file_id")] == [True, True, False]


def test_what_is_no_observation_of_a_place_is_in_quarantine(pipeline: Pipeline) -> None:
    contents = {
        "somewhere.json": answer(),
        "weather-cold-20250724T035100Z.json": answer(temperature=-300),
        "weather-calm-20250724T035100Z.json": answer(windGust=-1),
        "weather-warm-20250724T035100Z.json": answer(temperature="warm"),
        "weather-busy-20250724T035100Z.json": {"code": 429001, "type": "Too Many Calls"},
    }
    for name, content in contents.items():
        pipeline.drop(name, json.dumps(content))
    pipeline.run_well()
    reasons = dict(pipeline.sql("SELECT original_name, reason FROM quarantine.weather JOIN landing.weather USING (file_id)"))  # type: ignore[arg-type]
    assert reasons == {
        "somewhere.json": "`place`, part of the kind of event, is missing or empty",
        "weather-cold-20250724T035100Z.json": "colder than absolute zero",
        "weather-calm-20250724T035100Z.json": "a wind speed below zero",
        "weather-warm-20250724T035100Z.json": "`temperature_celsius` is not a number",
        "weather-busy-20250724T035100Z.json": "`observed_at` is missing",
    }
