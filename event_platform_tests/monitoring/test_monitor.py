"""What the endpoint says of a lake in which files arrived, waited, were refused; and of parts that are away."""

import os
import re
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from prometheus_client import CollectorRegistry, generate_latest

from event_platform import environment, tables
from event_platform.lake.table import Change
from event_platform.landing.topic_files import Offsets, name_of
from event_platform.monitoring import figures
from event_platform.monitoring.monitor import Monitor
from event_platform_tests.pipeline import Pipeline, line


class Watched:
    """A monitor, looked at as Prometheus does."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.monitor = Monitor(environment.read(), self.told.append)
        self._registry = CollectorRegistry()
        self._registry.register(self.monitor)

    def text(self) -> str:
        self.monitor.look()
        return generate_latest(self._registry).decode()

    def __call__(self) -> dict[str, float]:
        """Each figure of payments, and those of all, without prefix and with what is left of its labels."""
        found = re.findall(r"^event_platform_(\w+?)(?:\{(.*)\})? (\S+)$", self.text(), re.MULTILINE)
        return {f"{name} {labels.replace('source=payments', '')}".strip(): float(value) for name, labels, value in _unquoted(found)}


def _unquoted(found: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    return [(name, labels.replace('"', ""), value) for name, labels, value in found]


@pytest.fixture
def pipeline(home: Path) -> Pipeline:  # noqa: ARG001 - sets the home
    return Pipeline()


def test_an_empty_home_is_well_and_stays_empty(pipeline: Pipeline, home: Path) -> None:
    seen = Watched()()
    assert (seen["pending_files"], seen["up part=lake,"], seen["alerts_waiting"]) == (0, 1, 0)
    assert "landed_lines" not in seen
    assert not (home / "lake").exists()
    assert pipeline.lake.peek(tables.stage(pipeline.source)) is None


def test_every_line_is_counted_where_it_is_and_nothing_personal_is_told(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched()
    pipeline.drop("jane.json", [line("a"), line("b", data={"owner": "Jane"}), '{"owner": "Jane"', ""])
    pipeline.drop("b.json", [line("a", timestamp="2026-03-01T13:00:00")])
    before = watched()
    assert (before["pending_files"], "landed_lines" in before) == (2, False)
    pipeline.run_well()
    seen = watched()
    counts = [seen[f"{name}_lines"] for name in ("landed", "staged", "quarantined", "trusted", "superseded")]
    assert counts == [4, 3, 1, 2, 1]
    assert (seen["quarantine_share"], seen["accounting_closed"], seen["lag_seconds"], seen["pending_files"]) == (0.25, 1, 0, 0)
    assert 0 <= seen["last_lag_seconds"] < 300
    assert 0 <= seen["last_arrival_seconds"] < 300
    assert (seen["table_rows table=trusted.payments"], seen["table_files table=stage.payments"]) == (2, 1)
    assert seen["table_bytes table=trusted.payments"] > 0
    assert (seen["runs_last_day outcome=succeeded"], seen["runs_last_day outcome=failed"], seen["last_run_failed"]) == (1, 0, 0)
    assert watched.told == []
    monkeypatch.setattr("event_platform.monitoring.of_lake.connect", None)
    text = watched.text()
    assert 'event_platform_landed_lines{source="payments"} 4.0' in text, "what was worked out is not worked out again while nothing changes"
    assert all(f"# HELP {figures.PREFIX}{figure.name} " in text for figure in figures.ALL)
    assert "jane" not in text.lower()


def test_landed_lines_are_those_that_must_be_somewhere(pipeline: Pipeline) -> None:
    """Not blank ones, those of a file that came again, or messages of a topic that came again."""
    watched, first, again = Watched(), [line("a"), "", line("b"), "torn"], [line("c"), line("d")]
    pipeline.drop("first.json", first)
    pipeline.drop("the-same.json", first)
    pipeline.run_well()
    seen = watched()
    assert (seen["landed_files"], seen["landed_lines"]) == (2, 3)
    pipeline.drop(name_of(Offsets("payments", "topic", 0, 10, 11)), again)
    pipeline.drop(name_of(Offsets("payments", "topic", 0, 11, 12)), [again[1], line("e")])
    pipeline.run_well()
    seen = watched()
    assert (seen["landed_files"], seen["landed_lines"], seen["staged_lines"], seen["quarantined_lines"]) == (4, 6, 5, 1)
    assert seen["accounting_closed"] == 1


def test_a_file_that_waits_is_as_old_as_its_last_change(pipeline: Pipeline) -> None:
    path = pipeline.drop("a.json", [line("a")])
    pipeline.pending_folder().joinpath("link.json").symlink_to(path)
    old = path.stat().st_mtime - 7200
    os.utime(path, (old, old))
    seen = Watched()()
    assert (seen["pending_files"], seen["refused_files"]) == (1, 1)
    assert 7200 <= seen["oldest_pending_seconds"] < 7500


def test_lost_rows_open_the_accounting_and_a_failed_run_is_told(pipeline: Pipeline) -> None:
    watched = Watched()
    pipeline.drop("a.json", [line("a")])
    pipeline.run_well()
    assert watched()["accounting_closed"] == 1
    stage = pipeline.lake.open(tables.stage(pipeline.source))
    stage.commit(Change("upkeep"), "vandal", removed=stage.files())
    pipeline.drop("b.json", [line("b")])
    assert not pipeline.run()[0].ok
    seen = watched()
    assert (seen["accounting_closed"], seen["last_run_failed"], seen["runs_last_day outcome=failed"]) == (0, 1, 1)
    assert seen["lag_seconds"] > 0, "the second file is not in trusted"


def test_a_part_that_is_away_is_a_figure_told_once_and_the_others_are_seen(pipeline: Pipeline, home: Path) -> None:
    pipeline.drop("a.json", [line("a")])
    pipeline.run_well()
    watched = Watched()
    catalogue = home / "lake" / "catalog.db"
    whole = catalogue.read_bytes()
    catalogue.write_bytes(b"not a database" * 1000)
    seen = watched()
    assert (seen["up part=lake,"], seen["up part=dagster,source="], "trusted_lines" in seen) == (0, 1, False)
    watched()
    assert sum("lake payments cannot be asked" in each for each in watched.told) == 1
    catalogue.write_bytes(whole)
    again = Watched()()
    assert (again["up part=lake,"], again["trusted_lines"]) == (1, 1)


def test_a_broker_that_is_away_is_a_figure(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENT_PLATFORM_KAFKA", "127.0.0.1:1")
    monkeypatch.setattr("event_platform.realtime.kafka.client.ANSWER_SECONDS", 0.5)
    watched = Watched()
    seen = watched()
    assert (seen["up part=kafka,source="], seen["up part=lake,"], pipeline.source.name) == (0, 1, "payments")
    assert any("kafka cannot be asked" in each for each in watched.told)


def test_erased_stage_is_still_accounted_for(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    from event_platform import environment, partitions, retention
    from event_platform.engines.duckdb import connect
    from event_platform.sources.retention import Retention

    pipeline.drop("a.json", [line("a")])
    pipeline.run_well()
    later = partitions.today() + timedelta(days=10)
    monkeypatch.setattr(partitions, "today", lambda: later)
    with connect(environment.read()) as duck:
        assert [*retention.expire(pipeline.lake, replace(pipeline.source, retention=Retention(stage_days=1)), duck)]
    seen = Watched()()
    assert (seen["staged_lines"], seen["superseded_lines"], seen["accounting_closed"]) == (1, 0, 1)


def test_the_command_serves_on_the_loopback_until_told_to_end(home: Path) -> None:
    surroundings = os.environ | {"EVENT_PLATFORM_HOME": str(home)}
    command = [sys.executable, "-m", "event_platform.cli", "monitor", "--port", "0"]
    serving = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=surroundings)
    assert serving.stderr
    address = re.search(r"http://127\.0\.0\.1:\d+/metrics", serving.stderr.readline())
    assert address
    answer = requests.get(address[0], timeout=30)
    serving.send_signal(signal.SIGTERM)
    rest = serving.communicate()[1]
    assert (answer.status_code, "# HELP event_platform_up " in answer.text) == (200, True)
    assert (serving.returncode, "Traceback" in rest) == (0, False)
