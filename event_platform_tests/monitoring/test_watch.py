"""`status --watch`: what it says of a source, and that it ends when it is told to."""

import os
import pty
import re
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from event_platform import environment
from event_platform.lake.catalog import Lake
from event_platform.monitoring.glance import COLUMNS, glance, lasted, sentence
from event_platform.monitoring.of_lake import LakeLook
from event_platform_tests.pipeline import Pipeline, line

WATCH = [sys.executable, "-m", "event_platform.cli", "status", "payments", "--watch", "--every", "0.2"]


def test_a_row_says_where_the_lines_are(home: Path) -> None:  # noqa: ARG001 - sets the home
    pipeline = Pipeline()
    look = LakeLook(Lake(environment.read()))
    pipeline.drop("a.json", [line("a"), "not JSON"])
    before = glance(look, pipeline.source, datetime.now(UTC))
    assert re.fullmatch(r"payments: pending 1(, oldest \d+ s)?", sentence(before))
    pipeline.run_well()
    seen = dict(zip(COLUMNS, glance(look, pipeline.source, datetime.now(UTC)), strict=True))
    assert [seen[name] for name in COLUMNS[3:8]] == ["2", "1", "1", "1", "0"]
    assert (seen["pending"], seen["lag"], seen["accounting"]) == ("0", "", "closes")


@pytest.mark.parametrize(("seconds", "said"), [(0.2, "0 s"), (59, "59 s"), (60, "1 min"), (7199, "1 h"), (86_400 * 3, "3 d")])
def test_durations_are_said_in_their_largest_unit(seconds: float, said: str) -> None:
    assert lasted(seconds) == said


def test_without_a_terminal_only_changes_are_told_until_it_ends(home: Path) -> None:
    surroundings = os.environ | {"EVENT_PLATFORM_HOME": str(home)}
    watching = subprocess.Popen(WATCH, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=surroundings)
    assert watching.stdout
    assert watching.stdout.readline().endswith("payments: pending 0\n")
    Pipeline().drop("a.json", [line("a")])
    assert "pending 1" in watching.stdout.readline()
    watching.send_signal(signal.SIGINT)
    rest, told = watching.communicate()
    assert (watching.returncode, "Traceback" in told, "pending 0" in rest) == (0, False, False)


@pytest.mark.parametrize(("width", "shown"), [("200", "accounting"), ("60", "payments: pending 0")])
def test_on_a_terminal_it_is_drawn_in_place_as_a_table_where_that_fits(home: Path, width: str, shown: str) -> None:
    here, there = pty.openpty()
    surroundings = os.environ | {"EVENT_PLATFORM_HOME": str(home), "TERM": "xterm", "COLUMNS": width}
    watching = subprocess.Popen(WATCH, stdout=there, stderr=subprocess.DEVNULL, env=surroundings)
    os.close(there)
    drawn = b""
    while not re.search(rb"\x1b\[1A|\r\x1b\[2K", drawn):  # what was drawn is drawn over
        drawn += os.read(here, 4096)
    watching.send_signal(signal.SIGINT)
    watching.wait(30)
    os.close(here)
    assert (watching.returncode, shown in drawn.decode()) == (0, True)
