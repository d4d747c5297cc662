"""The catalogue: wherever the home lies."""

from pathlib import Path

import pytest

from event_platform import environment
from event_platform.lake.catalog import Lake
from event_platform.lake.schema import Table
from event_platform.sources.contract import Column

NARROW = Table("aggregate", "any", "One row per test.", (Column("a", "long", "Anything"),))


@pytest.mark.parametrize("name", ["50%20off", "what?", "a#b", "sp ace", "ü"])
def test_a_home_may_have_any_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("EVENT_PLATFORM_HOME", str(tmp_path / name))
    lake = Lake(environment.read())
    identity = lake.open(NARROW).identity
    assert Lake(environment.read()).open(NARROW).identity == identity
    assert [path.name for path in tmp_path.iterdir()] == [name]
