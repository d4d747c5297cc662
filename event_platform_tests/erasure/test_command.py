"""`event-platform erase` says what it does and how it ended."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from event_platform import sources
from event_platform.cli import app
from event_platform.errors import UsageError
from event_platform_tests.erasure.test_erase import ADA, BEN, click, lines
from event_platform_tests.pipeline import Pipeline


def test_the_command_tells_and_its_exit_code_says_whether_anything_is_left(home: Path) -> None:
    clicks = Pipeline(sources.get("clickstream"))
    clicks.drop("one.json", lines([click(BEN, 1), click(ADA, 2), click(BEN, 3, page=f"/{ADA}")]))
    clicks.run_well()

    left = CliRunner().invoke(app, ["erase", "--subject", f"username={ADA}"])
    assert left.exit_code == 1
    assert "--mentions erases such records too" in left.stderr
    done = CliRunner().invoke(app, ["erase", "--subject", f"username={ADA}", "--source", "clickstream", "--mentions"])
    assert done.exit_code == 0
    assert "erased 1 record from 1 archived file" in done.stderr
    assert ADA not in left.output + done.output

    (status,) = json.loads(CliRunner().invoke(app, ["status", "clickstream", "--format", "json"]).stdout)
    assert (status["landed"], status["staged"], status["erased"], status["balanced"]) == (3, 1, 2, True)
    receipts = sorted((home / "privacy" / "receipts").glob("*.json"))
    assert [json.loads(path.read_text())["proof"]["clean"] for path in receipts] == [False, True]
    assert {path.stat().st_mode & 0o777 for path in receipts} == {0o600}


def test_a_wrong_key_is_told_by_the_command(home: Path) -> None:  # noqa: ARG001 - the process is told of it
    answer = CliRunner().invoke(app, ["erase", "--subject", f"usernam={ADA}"])
    assert isinstance(answer.exception, UsageError)
    assert ADA not in str(answer.exception)
    with pytest.raises(UsageError, match="username"):
        raise answer.exception
