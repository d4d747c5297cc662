"""The wheel in an empty environment, far from the checkout: a project is made and does all that its README says."""

import ast
import json
import os
import shutil
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from ephemeral_port_reserve import reserve
from uv import find_uv_bin

from event_platform.environment import CHECKOUT
from infra.process import LOOPBACK, running

pytestmark = pytest.mark.timeout(1800)

BUILT_FROM = ("setup.py", "pyproject.toml", "README.md", "LICENSE")

PIPS_NAMES = {
    "UV_DEFAULT_INDEX": "index-url",
    "UV_INDEX": "extra-index-url",
    "UV_FIND_LINKS": "find-links",
    "UV_NO_INDEX": "no-index",
    "SSL_CERT_FILE": "cert",
    "UV_HTTP_TIMEOUT": "default-timeout",
}
SEPARATORS = {"UV_FIND_LINKS": ","}


@dataclass(frozen=True)
class Installed:
    """An environment with nothing but the wheel and what it needs, and a project made with it."""

    programs: Path
    project: Path

    def __call__(self, *command: str, cwd: Path | None = None, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run one of the environment's programs, by default in a folder of the project."""
        told = {name: value for name, value in os.environ.items() if not name.startswith(("EVENT_PLATFORM_", "DAGSTER_", "PYTHON"))} | settings
        program, *arguments = command
        return subprocess.run(
            [str(self.programs / program), *arguments],
            cwd=cwd or self.project / "samples",
            env=told,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def well(self, *command: str, cwd: Path | None = None, **settings: str) -> str:
        """What the program printed, if it ended well."""
        ended = self(*command, cwd=cwd, **settings)
        assert ended.returncode == 0, f"{command}: {ended.stdout}{ended.stderr}"
        return ended.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Built from a copy, so that nothing of an earlier build gets into it; pins are the checkout's."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in BUILT_FROM:
        shutil.copy(CHECKOUT / name, folder)
    shutil.copytree(CHECKOUT / "event_platform", folder / "event_platform", ignore=shutil.ignore_patterns("__pycache__"))
    _uv(folder, "build", "--quiet", "--wheel", "--out-dir", "dist")
    (wheel,) = (folder / "dist").glob("event_platform-*.whl")
    _uv(folder, "venv", "--quiet", "--python", sys.executable, "empty")
    pinned = ("--python", "empty", "-c", str(CHECKOUT / "constraints.txt"))
    _uv(folder, "pip", "install", "--quiet", *pinned, f"{wheel}[demo]", "pytest")
    there = Installed(folder / "empty" / "bin", folder / "work" / "my-platform")
    (folder / "work").mkdir()
    there.well("event-platform", "init", "my-platform", cwd=folder / "work")
    return there


def _uv(folder: Path, *words: str) -> None:
    """uv does what pip does in a tenth of the time."""
    done = subprocess.run([find_uv_bin(), *words], cwd=folder, env=os.environ | _as_pip_is_told(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"uv {words}: {done.stdout}{done.stderr}"


@cache
def _as_pip_is_told() -> dict[str, str]:
    """Where pip looks for packages on this machine, by uv's names; of several places it takes the best version too."""
    listed = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True).stdout
    told = {name: ast.literal_eval(value) for name, _, value in (line.partition("=") for line in listed.splitlines())}
    found = {
        variable: SEPARATORS.get(variable, " ").join(told[f"{section}.{name}"].split())
        for section in ("global", "install", ":env:")
        for variable, name in PIPS_NAMES.items()
        if f"{section}.{name}" in told
    }
    return found | {"UV_INDEX_STRATEGY": "unsafe-best-match"}


def test_a_file_becomes_a_table_in_the_project(installed: Installed) -> None:
    installed.well("event-platform", "land", "parcels", "parcels.json")
    installed.well("event-platform", "run", "parcels")
    (found,) = json.loads(installed.well("event-platform", "status", "parcels", "--check", "--format", "json"))
    assert (found["landed"], found["staged"], found["quarantined"], found["trusted"]) == (6, 4, 2, 3)
    answer = installed.well("event-platform", "sql", "--format", "csv", "SELECT scan_id, mass_grams FROM trusted.parcels ORDER BY 1")
    assert answer == "scan_id,mass_grams\ns1,1200\ns2,\ns3,\n"
    assert f"home is {installed.project}/.event_platform" in installed.well("event-platform", "doctor")


def test_the_projects_own_tests_pass(installed: Installed) -> None:
    assert "2 passed" in installed.well("pytest", "--quiet", cwd=installed.project)


def test_the_ui_shows_the_projects_feed(installed: Installed) -> None:
    port = reserve(LOOPBACK)
    query = json.dumps({"query": "{ assetNodes { assetKey { path } } }"}).encode()
    request = urllib.request.Request(f"http://{LOOPBACK}:{port}/graphql", query, {"Content-Type": "application/json"})

    def has_parcels() -> bool:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return ["trusted", "parcels"] in [node["assetKey"]["path"] for node in json.load(answer)["data"]["assetNodes"]]

    command = [str(installed.programs / "event-platform"), "ui", "--port", str(port)]
    with running("ui", command, installed.project / "tests", has_parcels, seconds=600):
        pass  # it is ready once it names the table


def test_the_demo_needs_a_home_and_nothing_else(installed: Installed, tmp_path: Path) -> None:
    refused = installed("event-platform", "demo", cwd=tmp_path)
    assert (refused.returncode, "event-platform init my-platform" in refused.stderr) == (3, True)
    assert list(tmp_path.iterdir()) == []
    shown = installed.well("event-platform", "demo", cwd=tmp_path, EVENT_PLATFORM_HOME=str(tmp_path / "home"))
    assert all(f"\n{name}: " in shown for name in ("payments", "storefront", "insights", "weather", "census"))
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_samples_and_lists_need_not_even_a_home(installed: Installed, tmp_path: Path) -> None:
    installed.well("event-platform", "sample", "payments", "here", "--events", "20", cwd=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["here"]
    names = {feed["source"] for feed in json.loads(installed.well("event-platform", "feeds", "--format", "json", cwd=tmp_path))}
    assert {"payments", "census"} <= names
    assert "parcels" not in names
