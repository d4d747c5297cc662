"""`event-platform load` as a user meets it."""

import signal
import subprocess
import sys

import pytest

from event_platform_tests.serving.postgres.conftest import Database, events

pytestmark = pytest.mark.server


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "event_platform.cli", "load", *arguments]


def test_load_once_says_what_it_did(database: Database) -> None:
    database.land(*events(range(5)))
    ended = subprocess.run(command("payments", "--target", database.url), capture_output=True, text=True, check=False)
    assert (ended.returncode, "trusted.payments: 5 rows in" in ended.stderr) == (0, True), ended.stderr
    ended = subprocess.run(command("payments", "--target", "postgresql://me:sEcrEt@127.0.0.1:1/x"), capture_output=True, text=True, check=False)
    assert ended.returncode == 5
    assert ended.stderr.startswith("Error: PostgreSQL at 127.0.0.1:1/x cannot be reached.")
    assert ended.stderr.count("\n") == 1


def test_chunks_go_on_until_ctrl_c(database: Database) -> None:
    database.land(*events(range(5)))
    chunks = command("payments", "--mode", "chunks", "--records", "3", "--every", "0.2", "--target", database.url)
    with subprocess.Popen(chunks, stderr=subprocess.PIPE, text=True) as loader:
        assert loader.stderr
        told = []
        while len(told) < 2:
            line = loader.stderr.readline()
            told += [line] if " records in " in line else []
        loader.send_signal(signal.SIGINT)
        assert "ended" in loader.stderr.read()
    assert loader.returncode == 0
    assert ["3 records" in told[0], "2 records" in told[1]] == [True, True]
