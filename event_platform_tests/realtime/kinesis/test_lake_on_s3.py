"""The same where the lake is on S3: files and checkpoint are objects, so another machine goes on where this one stopped."""

from pathlib import Path

import pytest

from event_platform import environment
from event_platform.lake.objects import object_store
from event_platform_tests.pipeline import Pipeline
from event_platform_tests.realtime.kinesis.conftest import Kinesis, answer, process

pytestmark = pytest.mark.server


@pytest.fixture
def both(kinesis: Kinesis, aws: str, lake_url: str, monkeypatch: pytest.MonkeyPatch) -> str:  # noqa: ARG001 - set up in this order
    """Kinesis is moto's, S3 a real one; the lake's URL."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_KINESIS", aws)
    return lake_url


def test_another_machine_goes_on_and_a_lost_checkpoint_doubles_nothing(
    both: str, kinesis: Kinesis, weather: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinesis.create(shards=2)
    for place in ("oslo", "bergen", "rome"):
        kinesis.put(place, answer(1))
    kinesis.consume()
    kinesis.put("oslo", answer(2))
    catalogue = environment.read().lake / "catalog.db"
    process(weather)
    monkeypatch.setenv("EVENT_PLATFORM_HOME", str(tmp_path / "other"))
    (other := environment.read().lake).mkdir(parents=True)
    (other / "catalog.db").write_bytes(catalogue.read_bytes())
    kinesis.consume()
    store = object_store(both)
    assert len(list(store.list(f"{both}/landing/weather/pending"))) == 1
    store.delete([found.url for found in store.list(f"{both}/landing/weather/streams")])
    kinesis.consume()
    kinesis.consume()
    process(weather)
    assert weather.sql("SELECT place, count(*) FROM stage.weather GROUP BY ALL ORDER BY ALL") == [("bergen", 1), ("oslo", 2), ("rome", 1)]
    assert weather.sql("SELECT count(*) FROM landing.weather WHERE duplicate_of IS NOT NULL") == [(3,)]
    assert weather.status().balanced
