"""A project that was made shows its own feeds alone, all through; it asks for the examples and has them too."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from event_platform import environment
from event_platform.errors import ConfigurationError
from event_platform.starting import start_project

EXAMPLES = {"payments", "storefront", "insights", "clickstream", "weather", "census"}

COMMANDS = {
    "land": ["land", "parcels", "samples/parcels.json"],
    "run": ["run"],
    "status": ["status", "--check", "--format", "json"],
    "sql": ["sql", "--format", "csv", "SELECT DISTINCT table_name FROM information_schema.tables"],
    "doctor": ["doctor"],
    "maintain": ["maintain"],
    "erase": ["erase", "--subject", "signed_by=Ada L."],
    "demo": ["demo"],
    "stream": ["stream", "clickstream"],
    "alerts": ["alerts", "run"],
    "kinesis": ["consume-kinesis"],
    "feeds": ["feeds", "--format", "json"],
}

PROGRAM = """
import json, sys
from typer.testing import CliRunner
from event_platform.cli import app
from event_platform.definitions import defs

def ask(arguments):
    ended = CliRunner().invoke(app, arguments)
    return {"code": ended.exit_code, "told": ended.output + str(ended.exception or ""), "out": ended.stdout}

graph = defs.get_repository_def()
print(json.dumps({
    "assets": sorted("/".join(key.path) for key in graph.asset_graph.get_all_asset_keys()),
    "others": sorted([each.name for each in (*graph.sensor_defs, *graph.schedule_defs)] + list(graph.job_names)),
    **{name: ask(arguments) for name, arguments in json.loads(sys.argv[1]).items()},
}))
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("projects") / "own"
    start_project(folder)
    return folder


def in_project(project: Path, commands: dict[str, list[str]], **settings: str) -> dict[str, Any]:
    """What a process that is started in the project finds."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("EVENT_PLATFORM_", "DAGSTER_"))}
    told = clean | {"PYTHONPATH": str(environment.CHECKOUT), "EVENT_PLATFORM_SETTLE_SECONDS": "0"} | settings
    command = [sys.executable, "-c", PROGRAM, json.dumps(commands)]
    ended = subprocess.run(command, cwd=project, env=told, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return found


def test_a_new_project_has_its_own_feeds_and_nothing_of_the_examples(project: Path) -> None:
    found = in_project(project, COMMANDS)
    for name in ("land", "run", "status", "sql", "doctor", "maintain", "erase", "feeds"):
        assert found[name]["code"] == 0, found[name]["told"]
        assert not [each for each in EXAMPLES if each in found[name]["told"]], found[name]["told"]
    assert [each["source"] for each in json.loads(found["feeds"]["out"])] == ["parcels"]
    assert [each["source"] for each in json.loads(found["status"]["out"])] == ["parcels"]
    assert "parcels" in found["sql"]["out"].split()
    assert all("parcels" in asset for asset in found["assets"])
    assert not [name for name in found["others"] if any(each in name for each in EXAMPLES)]
    for name in ("demo", "stream", "alerts", "kinesis"):
        assert found[name]["code"] != 0
        assert "EVENT_PLATFORM_EXAMPLES=1" in found[name]["told"]


def test_a_project_that_asks_for_them_has_the_examples_too(project: Path) -> None:
    feeds = {"feeds": COMMANDS["feeds"]}
    found = in_project(project, feeds, EVENT_PLATFORM_EXAMPLES="1")
    assert {each["source"] for each in json.loads(found["feeds"]["out"])} == {"parcels", *EXAMPLES}
    assert {"aggregate/payments_daily", "aggregate/weather_alerts", "aggregate/clickstream_windows_live", "api/weather"} <= set(found["assets"])
    assert {"clickstream_stream", "weather_poll", "weather_alerts_due"} <= set(found["others"])


def test_a_name_of_an_example_is_free_where_there_are_none(tmp_path: Path) -> None:
    start_project(tmp_path / "p")
    contract = tmp_path / "p" / "sources" / "parcels.py"
    contract.write_text(contract.read_text().replace('"parcels"', '"weather"'))
    found = in_project(tmp_path / "p", {"feeds": COMMANDS["feeds"], "alerts": COMMANDS["alerts"]})
    (feed,) = json.loads(found["feeds"]["out"])
    assert (feed["source"], feed["title"], feed["aggregates"]) == ("weather", "Parcel scans", [])
    assert not [asset for asset in found["assets"] if asset.startswith(("aggregate/", "api/"))]
    assert "EVENT_PLATFORM_EXAMPLES=1" in found["alerts"]["told"]


def test_a_project_from_before_keeps_the_examples_and_the_environment_has_the_last_word(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EVENT_PLATFORM_EXAMPLES", raising=False)
    assert environment.examples()
    monkeypatch.chdir(project)
    assert not environment.examples()
    monkeypatch.setenv("EVENT_PLATFORM_EXAMPLES", "1")
    assert environment.examples()
    monkeypatch.delenv("EVENT_PLATFORM_EXAMPLES")
    start_project(tmp_path / "older")
    (tmp_path / "older" / "event-platform.toml").unlink()
    monkeypatch.chdir(tmp_path / "older")
    assert environment.examples()


@pytest.mark.parametrize("text", ["examples = 0", "example = false", "examples = ", "examples = false\n[more]", b"\xff"])
def test_a_file_that_says_something_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | bytes) -> None:
    start_project(tmp_path / "p")
    (tmp_path / "p" / "event-platform.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
    monkeypatch.chdir(tmp_path / "p")
    monkeypatch.delenv("EVENT_PLATFORM_EXAMPLES", raising=False)
    with pytest.raises(ConfigurationError, match=r"event-platform\.toml"):
        environment.examples()
