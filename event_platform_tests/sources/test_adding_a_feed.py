"""The page on adding a feed is done as it says: its contracts are taken from it, landed and run, and give what it shows."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from event_platform import environment

PAGE = (environment.CHECKOUT / "docs" / "adding-a-feed.md").read_text()
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def command_line(home: Path, tmp_path: Path):
    """`event-platform` with the contracts of the page in a folder of their own, and the page's file at hand."""
    folder = tmp_path / "contracts"
    folder.mkdir()
    for number, (_, text) in enumerate(block for block in BLOCKS if block[0] == "python"):
        (folder / f"feed{number}.py").write_text(text)
    (content,) = (text for _, text in BLOCKS if text.startswith("id;read_at"))
    (tmp_path / "readings.csv").write_text(content)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        surroundings = os.environ | {"EVENT_PLATFORM_HOME": str(home), "EVENT_PLATFORM_SOURCES": str(folder)}
        at_hand = [str(tmp_path / each) if each == "readings.csv" else each for each in arguments]
        return subprocess.run([sys.executable, "-m", "event_platform.cli", *at_hand], capture_output=True, text=True, env=surroundings, check=False)

    return run


def test_the_csv_feed_gives_what_the_page_shows(command_line) -> None:
    ((*landing,),) = re.findall(r"`event-platform (land \S+ readings\.csv)` and `event-platform (run \S+)`", PAGE)
    ended = [command_line(*command.split()) for command in landing]
    assert [each.returncode for each in ended] == [0, 0], ended
    assert "landed 1 file\n" in ended[0].stderr
    assert "2 lines staged, 3 quarantined; see `event-platform quarantine list lab_readings`" in ended[1].stderr
    (asked,) = (shlex.split(text)[1:] for _, text in BLOCKS if text.startswith('event-platform sql "SELECT line_number'))
    (shown,) = (text for _, text in BLOCKS if text.startswith("line_number,"))
    assert command_line(*asked).stdout == shown
    trusted = command_line("sql", "SELECT id, temperature_celsius, operator FROM trusted.lab_readings ORDER BY id", "--format", "csv")
    assert trusted.stdout == "id,temperature_celsius,operator\nr1,21.5,Ada; shift 1\nr2,,\n"


def test_an_unknown_source_names_the_way_to_add_one(command_line) -> None:
    ended = command_line("land", "nosuch", "readings.csv")
    assert (ended.returncode, "EVENT_PLATFORM_SOURCES" in ended.stderr) == (2, True)
    assert "readings" in ended.stderr
