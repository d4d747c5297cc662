"""What people meet on their first day: small slips are answered in words, and what is said is true."""

import io
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from event_platform import accounting, environment
from event_platform.cli import app, terminal
from event_platform.errors import TransientError, UsageError
from event_platform.serving.explore import launch
from event_platform.serving.shell import HELP, LEAVE, help_text
from event_platform.serving.sql import session
from event_platform.wording import counted
from event_platform_tests.pipeline import Pipeline, line

ask = CliRunner().invoke


def test_numbers_are_said_as_people_say_them() -> None:
    assert [counted(n, "file") for n in (0, 1, 2000)] == ["0 files", "1 file", "2,000 files"]
    assert counted(2, "history", "histories") == "2 histories"


def test_the_version_is_told() -> None:
    assert ask(app, ["--version"]).output.startswith("event-platform 0.")


@pytest.mark.parametrize("limit", ["0", "-1"])
@pytest.mark.parametrize("command", [["quarantine", "show", "payments"], ["alerts", "list"]])
def test_a_limit_below_one_is_a_usage_error(home: Path, command: list[str], limit: str) -> None:  # noqa: ARG001 - sets the home
    ended = ask(app, [*command, "--limit", limit])
    assert (ended.exit_code, "--limit" in ended.output) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "there"),
    [
        (["backfill", "trusted.payments", "--from", "1990-01-01", "--to", "2026-01-01"], "its dates are 2000-01-01 to "),
        (["backfill", "landing.payments", "--from", "2026-01-01", "--to", "2999-01-01"], "no date 2999-01-01: its dates are 2020-01-01 to "),
        (["reprocess", "payments", "--landed", "1990-01-01"], "no date 1990-01-01"),
        (["backfill", "aggregate.weather_alerts", "--from", "2026-01-01", "--to", "2026-01-01"], "has no dates to name"),
    ],
)
def test_dates_that_a_table_does_not_have_are_told(home: Path, arguments: list[str], there: str) -> None:  # noqa: ARG001 - sets the home
    dropped = Pipeline().drop("a.json", [line("a")])
    ended = ask(app, arguments)
    assert isinstance(ended.exception, UsageError)
    assert there in str(ended.exception)
    assert dropped.exists()


@pytest.mark.parametrize("command", [["status"], ["quarantine", "list", "payments"], ["quarantine", "show", "payments"], ["alerts", "list"]])
def test_what_is_only_printed_refuses_parquet_at_once_and_names_the_way_out(home: Path, command: list[str]) -> None:
    ended = ask(app, [*command, "--format", "parquet"])
    assert isinstance(ended.exception, UsageError)
    assert all(word in str(ended.exception) for word in ("--format csv", "json", "event-platform sql"))
    assert not home.exists()


@pytest.mark.parametrize("command", [["status"], ["quarantine", "list"], ["quarantine", "show"], ["alerts", "list"]])
def test_help_names_the_forms_that_there_are(command: list[str]) -> None:
    assert "parquet" not in ask(app, [*command, "--help"]).output
    assert "parquet" in ask(app, ["sql", "--help"]).output


def test_a_run_says_what_became_of_the_lines_and_a_replay_what_was_rescued(home: Path) -> None:
    pipeline = Pipeline()
    pipeline.drop("a.json", [line("a"), "torn"])
    pipeline.run_well()
    assert [told for told in pipeline.told if "quarantined" in told] == [
        "payments: 1 line staged, 1 quarantined; see `event-platform quarantine list payments`"
    ]
    (archived,) = (home / "lake" / "landing" / "payments" / "processed").rglob("*a.json")
    archived.chmod(0o644)
    archived.write_text(f"{line('a')}\n{line('b')}\n")
    replayed = ask(app, ["quarantine", "replay", "payments"])
    assert replayed.output.count("2 lines staged, 0 quarantined, 1 rescued from quarantine") == 1
    assert "claimed" not in replayed.output


def test_repeated_files_are_told_in_one_line(home: Path) -> None:  # noqa: ARG001 - sets the home
    pipeline = Pipeline()
    for again in ("", "again-"):
        for name in ("a", "b", "c"):
            pipeline.drop(f"{again}{name}.json", [line(name)])
        pipeline.run_well()
    (told,) = (each for each in pipeline.told if "same bytes" in each)
    assert "3 of them" in told
    assert "again-a.json" in told


def test_status_tells_an_open_accounting_by_its_exit_code_when_asked(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    assert ask(app, ["status", "payments", "--check"]).exit_code == 0
    monkeypatch.setattr(accounting, "status", lambda _, source, __, pending: accounting.Status(source.name, pending, balanced=False))
    assert [ask(app, ["status", "payments", *more]).exit_code for more in ([], ["--check"])] == [0, 1]


def test_an_empty_folder_lands_nothing_and_says_so(home: Path, tmp_path: Path) -> None:  # noqa: ARG001 - sets the home
    (tmp_path / "empty").mkdir()
    ended = ask(app, ["land", "payments", str(tmp_path / "empty")])
    assert (ended.exit_code, "nothing landed, for there is no file in" in ended.output) == (0, True)


def test_watch_that_was_idle_just_ends(tmp_path: Path) -> None:
    surroundings = os.environ | {"EVENT_PLATFORM_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-m", "event_platform.cli", "watch", "payments"]
    watcher = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=surroundings)
    assert watcher.stderr
    assert "watching payments" in watcher.stderr.readline()
    assert "waiting for files" in watcher.stderr.readline()
    watcher.send_signal(signal.SIGINT)
    assert watcher.communicate()[1].split()[1:] == ["ended"]


def test_a_port_that_is_taken_is_told() -> None:
    pytest.importorskip("marimo")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(TransientError, match=f"Port {port} cannot be used .another program listens there"):
            launch.command(environment.read(), port=port, headless=True, edit=False, reveal=False)
    assert ask(app, ["explore", "--port", "99999"]).exit_code == 2


@pytest.mark.parametrize("width", [60, 80])
def test_what_is_too_wide_for_the_terminal_is_listed_whole(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(terminal, "out", Console(file=screen, width=width))
    columns = [f"column_{number}" for number in range(12)]
    long = "x" * 100
    terminal.show(columns, [(*(f"value-{number}" for number in range(11)), long)])
    shown = screen.getvalue()
    assert all(len(each) <= width for each in shown.splitlines())
    assert [f"column_{number}" in shown and (number == 11 or f"value-{number}\n" in shown.replace(" ", "")) for number in range(12)] == [True] * 12
    assert shown.count("x") == len(long)
    assert "1 row\n" in shown


def test_what_fits_is_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(terminal, "out", Console(file=screen, width=60))
    terminal.show(["a", "b"], [(1, None), (2, "[bold]")])
    assert "│ 2 │ [bold] │" in screen.getvalue()


@pytest.mark.parametrize("word", [*LEAVE, "QUIT;"])
def test_the_shell_ends_at_a_word(home: Path, word: str) -> None:  # noqa: ARG001 - sets the home
    said, shown = talk([HELP[0], "SELECT 1 AS one;", word, "SELECT 2;"])
    assert "payments" in said[1]
    assert shown == [(["one"], [(1,)])]


def test_the_shell_answers_each_of_several_queries_and_refuses_others(home: Path) -> None:  # noqa: ARG001 - sets the home
    said, shown = talk(["SELECT 1 AS a;", "SELECT 2 AS b; SELECT", "3 AS c;", "DROP VIEW trusted.payments;"])
    assert [columns for columns, _ in shown] == [["a"], ["b"], ["c"]]
    assert "Tables are only read here" in said[-1]


def talk(lines: list[str]) -> tuple[list[str], list[tuple[list[str], list[tuple[object, ...]]]]]:
    """Type the lines into the shell; what it said, and the answers it showed."""
    from prompt_toolkit.application import create_app_session
    from prompt_toolkit.input import create_pipe_input
    from prompt_toolkit.output import DummyOutput

    from event_platform.serving.shell import interact

    said: list[str] = []
    shown: list[tuple[list[str], list[tuple[object, ...]]]] = []
    here = environment.read()
    with session(here) as opened, create_pipe_input() as typed, create_app_session(typed, DummyOutput()):
        typed.send_text("".join(f"{each}\r" for each in lines) + "\x04")
        interact(opened, here, lambda columns, rows: shown.append((columns, rows)), said.append, said.append)
        assert "trusted: " in help_text(opened)
    return said, shown
