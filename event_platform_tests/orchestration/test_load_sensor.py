"""Whatever a file of loads says, the code location loads, or one sentence says why not."""

from pathlib import Path

import dagster as dg
import pytest

from event_platform.definitions import definitions
from event_platform.errors import ConfigurationError


@pytest.fixture
def loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EVENT_PLATFORM_LOADS", str(tmp_path / "loads.toml"))
    return tmp_path / "loads.toml"


def test_any_name_in_the_database_has_an_asset_and_a_sensor_of_its_own(loads: Path) -> None:
    names = ["reports.my-table", "a.b_c", "a_b.c", "x"]
    loads.write_text("".join(f"[[load]]\ntable = 'payments'\nas = '''{name}'''\n" for name in names))
    found = definitions()
    dg.Definitions.validate_loadable(found)
    keys = [key.path[1:] for key in found.resolve_asset_graph().get_all_asset_keys() if key.path[0] == "serving"]
    assert sorted(".".join(path) for path in keys) == sorted(names)
    assert len({sensor.name for sensor in found.sensors or [] if sensor.name.startswith("load_")}) == len(names)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("load = 'payments'", "two brackets"),
        ("load = ['payments']", "two brackets"),
        ("[load]\ntable = 'payments'", "two brackets"),
        ("[[loads]]\ntable = 'payments'", "two brackets"),
        ("[[load]]\ntable = 'payments'\nmode = 'chunks'\nrecords = true", "records"),
        ("[[load]]\ntable = 'payments'\nevery_seconds = inf", "time passes"),
        ("[[load]]\ntable = 'payments'\nas = 'a.'", "cannot name an asset"),
        ("[[load]]\ntable = 'payments'\nas = 'reports.my table'", "cannot name an asset"),
        ("[[load]]\ntable = 'payments'\nas = 'x'\n[[load]]\ntable = 'payments'\nas = 'public.x'", r"public\.x, x twice"),
        ("[[load]]\ntable = 'payments'\nas = 'a.b-c'\n[[load]]\ntable = 'payments'\nas = 'a.b_c'", "alike"),
    ],
)
def test_a_file_of_another_shape_is_told_in_a_sentence(loads: Path, content: str, word: str) -> None:
    loads.write_text(content)
    with pytest.raises(ConfigurationError, match=word):
        definitions()
