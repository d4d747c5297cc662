"""The shipped APIs on free ports, and a contract for weather where the platform has none of its own."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from starlette.applications import Starlette

from event_platform import sources
from event_platform.samples.apis import opened

WEATHER = """
from event_platform.sources.contract import Column, Source
from event_platform.sources.formats import JsonDocument

SOURCE = Source(
    name="weather", title="Weather", owner="team:weather", format=JsonDocument(), event_id="id", id_from=("time",), timestamp="time", kind=("id",),
    columns=(Column("id", "string", "Id", nullable=False), Column("time", "timestamp", "When", field="data.time", nullable=False)),
)
"""

__all__ = ["Open", "opened"]

Open = Callable[[Starlette], AbstractContextManager[str]]


@pytest.fixture
def weather_contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a contract of the name weather, if there is none; the source is known for the length of the test."""
    folder = tmp_path / "contracts"
    folder.mkdir()
    if "weather" not in sources.all_sources():
        (folder / "weather.py").write_text(WEATHER)
    monkeypatch.setenv("EVENT_PLATFORM_SOURCES", str(folder))
    sources.all_sources.cache_clear()
    yield folder
    monkeypatch.delenv("EVENT_PLATFORM_SOURCES")
    sources.all_sources.cache_clear()
