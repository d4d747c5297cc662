"""With EVENT_PLATFORM_LOG_FORMAT=json every line on standard error is JSON that says what it is about, and holds no data."""

import io
import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from event_platform import environment, logs, partitions
from event_platform.errors import ConfigurationError, PermanentError
from event_platform.run_logs import RunLines, json_logger
from event_platform_tests.pipeline import Pipeline, line

FIELDS = ["time", "level", "run_id", "source", "landing_date", "message"]


def command(home: Path, *arguments: str) -> tuple[int, list[dict[str, Any]]]:
    surroundings = os.environ | {"EVENT_PLATFORM_HOME": str(home), "EVENT_PLATFORM_LOG_FORMAT": "json"}
    ended = subprocess.run([sys.executable, "-m", "event_platform.cli", *arguments], capture_output=True, text=True, env=surroundings, check=False)
    return ended.returncode, [json.loads(each) for each in ended.stderr.splitlines()]


def test_a_run_on_the_command_line_tells_which_run_source_and_landing_date(home: Path) -> None:
    Pipeline().drop("a.json", [line("a", data={"owner": "Jane"}), '{"owner": "Jane"'])
    code, told = command(home, "run", "payments")
    assert (code, [list(each) for each in told]) == (0, [FIELDS] * len(told))
    (claimed,) = (each for each in told if "claimed 1 file" in each["message"])
    assert (claimed["source"], claimed["landing_date"], claimed["level"]) == ("payments", partitions.today().isoformat(), "INFO")
    assert {each["run_id"] for each in told if each["source"]} == {claimed["run_id"]}
    assert [each["message"] for each in told if each["message"].startswith("run ")] == ["run began", "run succeeded"]
    assert "Jane" not in json.dumps(told)


def test_an_error_is_a_line_of_level_error(home: Path) -> None:
    code, (told,) = command(home, "land", "nosuch", "x")
    assert (code, told["level"], "payments" in told["message"]) == (2, "ERROR", True)


def test_a_step_that_fails_tells_our_own_words_and_of_others_the_class_alone(capsys: pytest.CaptureFixture[str]) -> None:
    @dg.op
    def stranger() -> None:
        raise ValueError("Jane Doe, 4 Privet Drive")

    @dg.op
    def ours() -> None:
        raise PermanentError("The disk is full. Make room.")

    @dg.job(logger_defs={"json": json_logger})
    def failing() -> None:
        stranger()
        ours()

    failing.execute_in_process(run_config={"loggers": {"json": {}}}, raise_on_error=False)
    told = [json.loads(each) for each in capsys.readouterr().err.splitlines() if each.startswith('{"time"')]
    failed = {each["message"] for each in told if each["level"] == "ERROR"}
    assert {"stranger failed: ValueError", "ours failed: The disk is full. Make room."} <= failed
    assert "Jane" not in json.dumps(told)


def test_python_s_own_logging_tells_no_words_of_an_exception() -> None:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(logs.Lines())
    logger = logging.Logger("test")
    logger.addHandler(handler)
    try:
        raise ValueError("Jane Doe")
    except ValueError:
        logger.exception("it failed")
    told = json.loads(out.getvalue())
    assert (told["message"], told["level"]) == ("it failed (ValueError)", "ERROR")


def test_text_in_pieces_is_a_line_when_its_end_comes() -> None:
    out = io.StringIO()
    stream = logs.Stream(out)
    for piece in ("Er", "ror: no\n\nwell", " then\n"):
        stream.write(piece)
    assert [(told["level"], told["message"]) for told in map(json.loads, out.getvalue().splitlines())] == [
        ("ERROR", "Error: no"),
        ("INFO", "well then"),
    ]


def test_a_format_that_does_not_exist_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENT_PLATFORM_LOG_FORMAT", "xml")
    with pytest.raises(ConfigurationError, match="EVENT_PLATFORM_LOG_FORMAT"):
        environment.read()


@pytest.mark.parametrize(
    ("tags", "step", "said"),
    [
        ({"dagster/partition": "2026-03-01"}, "stage__payments", ("payments", "2026-03-01")),
        (
            {"dagster/asset_partition_range_start": "2026-03-01", "dagster/asset_partition_range_end": "2026-03-02"},
            "stage__payments",
            ("payments", "2026-03-01..2026-03-02"),
        ),
        ({"dagster/partition": "2026-03-01"}, "trusted__payments", ("payments", None)),
        ({}, "aggregate__weather_alerts", (None, None)),
    ],
)
def test_a_backfill_tells_landing_dates_only_of_what_is_kept_by_them(tags: dict[str, str], step: str, said: tuple[str | None, str | None]) -> None:
    record = logging.makeLogRecord(
        {
            "msg": "x",
            "levelno": logging.INFO,
            "levelname": "INFO",
            "dagster_meta": {"job_tags": tags, "step_key": step, "orig_message": "x", "dagster_event": None},
        }
    )
    told = json.loads(RunLines().format(record))
    assert (told["source"], told["landing_date"]) == said
