"""A new project is made whole or not at all, over nothing, and the platform finds it from any folder within."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from ephemeral_port_reserve import reserve
from typer.testing import CliRunner

from event_platform import environment
from event_platform.cli import app
from event_platform.errors import ConfigurationError, UsageError
from event_platform.starting import start_project

WRITTEN = {
    ".gitignore",
    "README.md",
    "dagster.yaml",
    "event-platform.toml",
    "pytest.ini",
    "requirements.txt",
    "samples/parcels.json",
    "sources/parcels.py",
    "tests/test_parcels.py",
    "workspace.yaml",
}


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in no project, where the platform is installed from a package."""
    monkeypatch.delenv("EVENT_PLATFORM_HOME", raising=False)
    monkeypatch.delenv("EVENT_PLATFORM_SOURCES", raising=False)
    monkeypatch.setattr("event_platform.environment.project_folder.CHECKOUT", tmp_path / "site-packages")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.timeout(900)  # its tests run in a process of their own, which a busy machine holds up
def test_a_project_is_written_and_its_own_tests_pass(tmp_path: Path) -> None:
    ended = CliRunner().invoke(app, ["init", str(tmp_path / "my-platform")])
    assert ended.exit_code == 0, ended.output
    project = tmp_path / "my-platform"
    assert {str(path.relative_to(project)) for path in project.rglob("*") if path.is_file()} == WRITTEN
    assert all(name in ended.output for name in (*WRITTEN, "cd ", "event-platform land parcels samples/parcels.json"))
    assert (project / "README.md").read_text().startswith("# my-platform\n")
    assert "{" not in (project / "requirements.txt").read_text()
    surroundings = os.environ | {"PYTHONPATH": str(environment.CHECKOUT)}
    tested = subprocess.run([sys.executable, "-m", "pytest"], cwd=project, env=surroundings, capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stdout
    assert "2 passed" in tested.stdout


@pytest.mark.parametrize("found", [None, "/usr/bin/event-platform"])
def test_what_next_begins_where_the_shell_does_not_find_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: str | None) -> None:
    (tmp_path / "env" / "bin").mkdir(parents=True)
    (tmp_path / "env" / "bin" / "activate").touch()
    monkeypatch.setattr("sys.prefix", str(tmp_path / "env"))
    monkeypatch.setattr("shutil.which", lambda _: found)
    ended = CliRunner().invoke(app, ["init", str(tmp_path / "p")])
    assert (f". {tmp_path}/env/bin/activate\n" in ended.output) is (found is None)


def test_a_new_machine_gets_the_platform_from_its_wheel_and_from_no_index(tmp_path: Path) -> None:
    start_project(tmp_path / "p")
    told = (tmp_path / "p" / "README.md").read_text()
    assert told.index("pip install event_platform-*.whl") < told.index("pip install -r requirements.txt")


@pytest.mark.parametrize("name", ["dagster.yaml", "workspace.yaml"])
def test_a_checkout_has_the_files_of_a_new_project(name: str) -> None:
    assert (environment.CHECKOUT / name).read_bytes() == (environment.NEW_PROJECT / name).read_bytes()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    start_project(tmp_path / "p")
    (tmp_path / "p" / "README.md").write_text("mine")
    with pytest.raises(UsageError, match=r"p is not empty: .gitignore and 9 more. Nothing was written"):
        start_project(tmp_path / "p")
    assert (tmp_path / "p" / "README.md").read_text() == "mine"
    with pytest.raises(UsageError, match=r"README\.md is a file"):
        start_project(tmp_path / "p" / "README.md")
    assert (tmp_path / "p" / "README.md").read_text() == "mine"


def test_a_repository_without_files_is_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    assert {str(path) for path in start_project(Path())} == WRITTEN


@pytest.mark.parametrize(("folder", "told"), [("50%", "has % or"), ("x" * 300, "File name too long"), ("file/project", "Not a directory")])
def test_what_can_be_no_project_is_told(tmp_path: Path, folder: str, told: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=told):
        start_project(tmp_path / folder)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs a place where nobody can write")
def test_a_place_where_nothing_can_be_written_is_told() -> None:
    with pytest.raises(ConfigurationError, match="No project can be made in /proc/my-platform"):
        start_project(Path("/proc/my-platform"))


def test_home_and_contracts_are_those_of_the_project_around(outside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = outside / "p"
    start_project(project)
    start_project(project / "sources" / "inner")
    monkeypatch.chdir(project / "tests")
    assert (environment.read().home, environment.extra_sources()) == (project / ".event_platform", project / "sources")
    monkeypatch.setenv("EVENT_PLATFORM_HOME", str(outside / "elsewhere"))
    assert (environment.read().home, environment.extra_sources()) == (outside / "elsewhere", project / "sources")
    monkeypatch.setenv("EVENT_PLATFORM_SOURCES", str(outside / "contracts"))
    assert environment.extra_sources() == outside / "contracts"
    monkeypatch.chdir(project / "sources" / "inner" / "samples")
    assert environment.project() == project / "sources" / "inner"


def test_a_project_of_other_code_is_none(outside: Path) -> None:
    (outside / "workspace.yaml").write_text("load_from:\n  - python_module: something_else.definitions\n")
    assert environment.project() is None


@pytest.mark.parametrize("command", [["status"], ["run"], ["sql", "SELECT 1"], ["ui"]])
def test_without_a_project_commands_say_how_to_get_one(outside: Path, command: list[str]) -> None:
    ended = CliRunner().invoke(app, command)
    assert isinstance(ended.exception, ConfigurationError)
    assert "event-platform init my-platform" in str(ended.exception)
    assert list(outside.iterdir()) == []


def test_a_port_in_use_is_told(outside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start_project(outside / "p")
    monkeypatch.chdir(outside / "p")
    monkeypatch.setattr("os.execve", lambda *_: pytest.fail("it was started"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = CliRunner().invoke(app, ["ui", "--port", port])
    assert isinstance(ended.exception, ConfigurationError)
    assert port in str(ended.exception)


@pytest.mark.server
def test_the_ui_ends_when_told_to_by_who_has_it_in_the_background(outside: Path) -> None:
    """A script's `event-platform ui &` ignores SIGINT, with which Dagster's processes tell each other to end."""
    start_project(outside / "p")
    port, log = reserve("127.0.0.1"), outside / "ui.log"
    command = f"trap '' INT; exec '{sys.executable}' -m event_platform.cli ui --port {port}"
    surroundings = os.environ | {"PYTHONPATH": str(environment.CHECKOUT)}
    made = {".event_platform", *(path.name for path in Path("p").iterdir())}
    with log.open("wb") as output, subprocess.Popen(["/bin/sh", "-c", command], cwd="p", env=surroundings, stdout=output, stderr=output) as ui:
        while b"Serving dagster-webserver" not in log.read_bytes():
            assert ui.poll() is None, log.read_text()
            time.sleep(0.1)
        family = psutil.Process(ui.pid).children(recursive=True)
        ui.terminate()
        assert ui.wait() == 0, log.read_text()
    said = log.read_bytes()
    assert b"killing the process" not in said
    assert b"superseded" not in said, "nobody who types `event-platform ui` can do anything about it"
    assert b"temporary directory" not in said, "what it shows is kept in the home"
    assert {path.name for path in Path("p").iterdir()} == made
    psutil.wait_procs(family)  # those whom nobody tells notice it


def test_a_folder_that_is_gone_is_in_no_project(outside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (outside / "gone").mkdir()
    monkeypatch.chdir(outside / "gone")
    (outside / "gone").rmdir()
    assert environment.project() is None
    monkeypatch.chdir(outside)
