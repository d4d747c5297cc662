"""The command line as a user meets it, each command a process of its own; the README's commands and output are among them."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from event_platform import accounting, cli, environment, sources
from event_platform.engines.duckdb import connect
from event_platform.environment import Environment
from event_platform.lake.catalog import Lake
from event_platform.serving.sql import session
from event_platform_tests.pipeline import line

Command = subprocess.CompletedProcess[str]


class CommandLine:
    """`event-platform` in a home of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def __call__(self, *arguments: str, **settings: str) -> Command:
        surroundings = os.environ | {"EVENT_PLATFORM_HOME": str(self.home)} | settings
        command = [sys.executable, "-W", "error::UserWarning:event_platform", "-m", "event_platform.cli", *arguments]
        return subprocess.run(command, capture_output=True, text=True, env=surroundings, check=False)


@pytest.fixture(scope="module")
def after_demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """A home in which the demo has run."""
    command_line = CommandLine(tmp_path_factory.mktemp("demo") / "home")
    ended = command_line("demo")
    assert ended.returncode == 0, ended.stderr
    assert "20007" in ended.stdout
    yield command_line


def test_the_first_query_of_the_readme_gives_the_output_it_shows(after_demo: CommandLine) -> None:
    readme = (environment.CHECKOUT / "README.md").read_text()
    section = readme.split("## The first query")[1]
    shell, shown = re.findall(r"```(?:sh)?\n(.*?)```", section, re.DOTALL)[:2]
    (command,) = (each for each in shell.splitlines() if each.startswith("event-platform "))
    assert after_demo(*shlex.split(command)[1:]).stdout == shown


def test_the_demo_ends_with_the_accounting_of_the_readme_and_again_when_run_twice(after_demo: CommandLine) -> None:
    readme = (environment.CHECKOUT / "README.md").read_text()
    shown = [[cell.strip() for cell in row.split("│")[1:-1]] for row in readme.splitlines() if row.startswith("│")]
    again = after_demo("demo")
    assert again.returncode == 0, again.stderr
    told = [[cell.strip() for cell in row.split("│")[1:12]] for row in again.stdout.splitlines() if row.startswith("│")]
    assert told == shown[1:]
    assert all(f"\n{name}: " in again.stdout for name, *_ in told)


def test_status_is_one_object_a_source(after_demo: CommandLine) -> None:
    (found,) = json.loads(after_demo("status", "payments", "--format", "json").stdout)
    assert found["source"] == "payments"
    assert found["balanced"] is True
    assert found["landed"] == found["staged"] + found["quarantined"]
    assert found["staged"] == found["trusted"] + found["superseded"] + found["expired"]
    assert {"pending_files", "blank", "last_landed_at"} <= found.keys()


def test_a_second_run_finds_nothing(after_demo: CommandLine) -> None:
    ended = after_demo("run")
    assert (ended.returncode, "nothing pending" in ended.stderr) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (["land", "nosuch", "x"], 2, "payments"),
        (["land", "payments", "/not/there"], 2, "/not/there"),
        (["sql", "SELECT * FROM trusted.nosuch"], 2, "nosuch"),
        (["backfill", "trusted.nosuch", "--from", "2026-01-01", "--to", "2026-01-02"], 2, "trusted.payments"),
        (["backfill", "trusted.payments", "--from", "2026-01-02", "--to", "2026-01-01"], 2, "before"),
        (["reprocess", "payments", "--landed", "2026-13-01"], 2, "2026-13-01"),
        (["sql", "SELECT 1", "--format", "parquet"], 2, "--output"),
        (["sql", "SELECT * FROM trusted.nosuch", "--format", "csv"], 2, "trusted.payments"),
        (["reprocess", "payments", "--landed", "2020-01-01..2020-01-02"], 0, "nothing landed from 2020-01-01 to 2020-01-02"),
    ],
)
def test_an_error_is_one_paragraph_that_names_the_culprit(after_demo: CommandLine, arguments: list[str], code: int, word: str) -> None:
    ended = after_demo(*arguments)
    assert (ended.returncode, "Traceback" in ended.stderr) == (code, False)
    assert word in ended.stderr


def test_a_wrong_setting_is_named(after_demo: CommandLine) -> None:
    ended = after_demo("status", EVENT_PLATFORM_SETTLE_SECONDS="soon")
    assert ended.returncode == 3
    assert "EVENT_PLATFORM_SETTLE_SECONDS" in ended.stderr


def test_answers_come_in_all_forms(after_demo: CommandLine, tmp_path: Path) -> None:
    query = "SELECT count(*) AS n FROM trusted.payments"
    assert after_demo("sql", query, "--format", "csv").stdout == "n\n19000\n"
    assert json.loads(after_demo("sql", query, "--format", "json").stdout) == [{"n": 19000}]
    assert after_demo("sql", query, "--format", "parquet", "--output", str(tmp_path / "n.parquet")).returncode == 0
    assert (tmp_path / "n.parquet").read_bytes().startswith(b"PAR1")


def test_backfill_reprocess_and_replay_leave_the_answers_as_they_were(after_demo: CommandLine) -> None:
    def answers() -> list[tuple[object, ...]]:
        with session(here) as opened:
            return opened.query("SELECT * FROM aggregate.payments_daily ORDER BY ALL")[1]

    here, payments = Environment(after_demo.home), sources.get("payments")
    before = answers()
    assert before
    for arguments in (
        ["backfill", "trusted.payments", "--from", "2025-12-01", "--to", "2026-01-31"],
        ["reprocess", "payments"],
        ["quarantine", "replay", "payments"],
        ["maintain"],
    ):
        ended = after_demo(*arguments)
        assert ended.returncode == 0, ended.stderr
        assert "leaked" not in ended.stderr
    assert answers() == before
    with connect(here) as duck:
        assert accounting.status(Lake(here), payments, duck, 0).balanced


def test_quarantined_lines_are_shown_without_their_content(after_demo: CommandLine) -> None:
    assert "not JSON" in after_demo("quarantine", "list", "payments").stdout
    assert '"domain"' not in after_demo("quarantine", "show", "payments").stdout
    assert '"domain"' in after_demo("quarantine", "show", "payments", "--reveal").stdout


def test_doctor_finds_a_healthy_home_and_names_what_pending_refuses(after_demo: CommandLine, tmp_path: Path) -> None:
    assert after_demo("doctor").returncode == 0
    link = after_demo.home / "lake" / "landing" / "payments" / "pending" / "link.json"
    link.symlink_to(tmp_path)
    ended = after_demo("doctor")
    link.unlink()
    assert (ended.returncode, "link.json" in ended.stdout) == (1, True)


def test_watch_processes_a_file_as_it_appears_until_interrupted(tmp_path: Path) -> None:
    import signal

    home = tmp_path / "home"
    surroundings = os.environ | {"EVENT_PLATFORM_HOME": str(home), "EVENT_PLATFORM_SETTLE_SECONDS": "0.2"}
    watcher = subprocess.Popen([sys.executable, "-m", "event_platform.cli", "watch", "payments"], stderr=subprocess.PIPE, text=True, env=surroundings)
    assert watcher.stderr
    assert "watching payments" in watcher.stderr.readline()
    (tmp_path / "a.json").write_text(line("a") + "\n")
    CommandLine(home)("land", "payments", str(tmp_path / "a.json"))
    told = next(message for message in watcher.stderr if "aggregate.payments_daily recomputed" in message)
    watcher.send_signal(signal.SIGINT)
    rest = watcher.communicate()[1]
    assert "1 event date" in told
    assert "Traceback" not in rest
    assert json.loads(CommandLine(home)("status", "payments", "--format", "json").stdout)[0]["trusted"] == 1


HOW_SIGTERM_ENDS_IT = """
import atexit, signal, sys
atexit.register(lambda: print(signal.getsignal(signal.SIGTERM)))
from event_platform.cli import main
sys.argv = ["event-platform", "run", "payments"]
main()
"""


def test_a_run_in_the_background_of_a_script_can_be_ended(tmp_path: Path) -> None:
    """A script's `&` ignores SIGINT, and what is done with that Dagster does with SIGTERM too, once something has run in the process."""
    home = CommandLine(tmp_path / "home")
    (tmp_path / "a.json").write_text(line("a") + "\n")
    home("land", "payments", str(tmp_path / "a.json"))
    command = shlex.join([sys.executable, "-c", HOW_SIGTERM_ENDS_IT])
    surroundings = os.environ | {"EVENT_PLATFORM_HOME": str(home.home), "EVENT_PLATFORM_SETTLE_SECONDS": "0"}
    ended = subprocess.run(["/bin/sh", "-c", f"trap '' INT; exec {command}"], env=surroundings, capture_output=True, text=True, check=False)
    assert "trusted holds 1 event" in ended.stderr
    assert "default_int_handler" in ended.stdout


def test_every_command_is_documented() -> None:
    operating = (environment.CHECKOUT / "docs" / "operating.md").read_text()
    commands = typer.main.get_command(cli.app)
    for name, command in commands.commands.items():  # type: ignore[attr-defined]
        for path in ([name, each] for each in getattr(command, "commands", {})) if hasattr(command, "commands") else [[name]]:
            assert f"`event-platform {' '.join(path)}" in operating


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x = (", "line 1, cannot be loaded"),
        ("x = 1", "has no SOURCE"),
        ("from event_platform.sources.contract import Source\nSOURCE = Source(titel='x')", "unexpected keyword argument 'titel'"),
        ("from event_platform.sources.contract import Column\nC = Column('a', 'float', 'x')", "line 2: The column `a` is said to be 'float'"),
    ],
)
def test_a_contract_that_cannot_be_used_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, told: str) -> None:
    (tmp_path / "bad.py").write_text(text)
    monkeypatch.setenv("EVENT_PLATFORM_SOURCES", str(tmp_path))
    ended = CommandLine(tmp_path / "home")("status")
    assert (ended.returncode, "Traceback" in ended.stderr) == (3, False)
    assert told in ended.stderr
    assert "bad.py" in ended.stderr


def test_statements_come_through_a_pipe(tmp_path: Path) -> None:
    piped = subprocess.run(
        [sys.executable, "-m", "event_platform.cli", "sql", "--format", "csv"],
        input="SELECT ':smile:' AS a;\nSELECT 2 AS b",
        capture_output=True,
        text=True,
        env=os.environ | {"EVENT_PLATFORM_HOME": str(tmp_path)},
        check=True,
    )
    assert piped.stdout == "a\n:smile:\nb\n2\n"
    empty = CommandLine(tmp_path)("sql", ";")
    assert (empty.returncode, "There is no statement" in empty.stderr) == (2, True)
