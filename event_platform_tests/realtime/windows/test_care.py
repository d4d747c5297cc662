"""Whether somebody notices that the stream has died; no Spark is needed to see it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg
import pytest

from event_platform import environment
from event_platform.aggregate.clickstream_live import WINDOWS
from event_platform.diagnosis import diagnose
from event_platform.environment import CHECKOUT, Environment, Kafka
from event_platform.errors import ConfigurationError
from event_platform.instance import open_instance
from event_platform.lake.catalog import Lake
from event_platform.lake.table import Change
from event_platform.orchestration import stream_sensor
from event_platform.orchestration.checks import ALIVE, checks_of_stream
from event_platform.realtime.windows import heartbeat, messages
from event_platform.realtime.windows.heartbeat import DEAD_AFTER, Heartbeat
from event_platform.realtime.windows.report import KEY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def left(home: Path, beat: Heartbeat, age: timedelta = timedelta(0)) -> Environment:
    """The heartbeat as somebody left it that long ago."""
    here = Environment(home)
    beat.write(here)
    told = asdict(beat) | {"beat_at": (datetime.now(UTC) - age).isoformat()}
    heartbeat.path_of(here).write_text(json.dumps(told))
    return here


def killed_process() -> int:
    """The id of a process that is gone."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    return child.pid


@contextmanager
def process_that_nobody_asked_how_it_ended() -> Iterator[int]:
    """Its id is still there."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        yield child.pid


def executed_check(home: Path) -> dg.AssetCheckEvaluation:  # noqa: ARG001 - sets the home
    """As `Execute` in the UI."""
    with open_instance() as instance:
        ran = dg.materialize(checks_of_stream(), instance=instance, selection=dg.AssetSelection.checks(dg.AssetCheckKey(dg.AssetKey(KEY), ALIVE)))
    return ran.get_asset_check_evaluations()[0]


@pytest.mark.timeout(60)
def test_a_disk_that_takes_nothing_for_a_while_does_not_end_the_heartbeat(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    here, beats, beaten = environment.read(), 0, threading.Event()
    folder = heartbeat.path_of(here).parent

    def now() -> Heartbeat:
        nonlocal beats
        beats += 1
        if beats == 3:
            folder.unlink()
        if beats == 5:
            beaten.set()
        return Heartbeat.begun()

    monkeypatch.setattr(heartbeat, "BEAT_SECONDS", 0.01)
    folder.parent.mkdir(parents=True)
    folder.touch()  # no folder
    with heartbeat.beating(here, now):
        assert beaten.wait(30)
    assert heartbeat.read(here)


@pytest.mark.parametrize(
    ("state", "age", "is_dead"),
    [
        ("running", timedelta(0), False),
        ("waiting", timedelta(0), False),
        ("running", DEAD_AFTER * 2, True),
        ("waiting", DEAD_AFTER * 2, True),
        ("stopped", timedelta(days=9), False),
        ("caught up", timedelta(days=9), False),
        ("failed", timedelta(0), True),
    ],
)
def test_a_stream_is_dead_when_it_should_run_and_says_nothing(home: Path, state: heartbeat.State, age: timedelta, is_dead: bool) -> None:
    found = heartbeat.read(left(home, replace(Heartbeat.begun(), state=state), age))
    assert found
    assert found.is_dead is is_dead


def test_a_stream_whose_process_is_gone_is_dead_at_once(home: Path) -> None:
    here = left(home, replace(Heartbeat.begun(), pid=killed_process()))
    found = heartbeat.read(here)
    assert found
    assert found.is_dead
    assert "died" in found.told
    assert not replace(found, host="elsewhere").is_dead
    with process_that_nobody_asked_how_it_ended() as pid:
        assert replace(found, pid=pid).is_dead


IN_A_CONTAINER = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"]
"""With ids of processes of its own, and this machine's name."""


def test_in_a_container_with_the_same_name_nothing_is_known_of_the_process(home: Path) -> None:
    if not shutil.which(IN_A_CONTAINER[0]) or subprocess.run([*IN_A_CONTAINER, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody make a space of process ids")
    left(home, Heartbeat.begun())
    asked = "from event_platform.environment import read; from event_platform.realtime.windows import heartbeat; print(heartbeat.read(read()).told)"
    told = subprocess.run(
        [*IN_A_CONTAINER, sys.executable, "-c", asked], capture_output=True, check=True, text=True, env=os.environ | {"PYTHONPATH": str(CHECKOUT)}
    )
    assert told.stdout.startswith("The stream runs")


def test_the_sensor_tells_once_that_the_stream_died_and_once_that_it_lives(home: Path) -> None:
    here = left(home, replace(Heartbeat.begun(), batch=4), DEAD_AFTER * 2)
    first = stream_sensor.look(here, None)
    (verdict,) = first.asset_events
    assert isinstance(verdict, dg.AssetCheckEvaluation)
    assert (verdict.check_name, verdict.passed) == (ALIVE, False)
    assert "UTC. Start it again with `event-platform stream clickstream`" in str(verdict.description)
    by_itself = executed_check(home)
    assert (by_itself.passed, by_itself.severity, by_itself.description) == (False, verdict.severity, verdict.description)
    again = stream_sensor.look(here, first.cursor)
    assert again.asset_events == []
    left(home, replace(Heartbeat.begun(), batch=5))
    recovered = stream_sensor.look(here, again.cursor)
    assert [each.passed for each in recovered.asset_events] == [True]


def test_the_sensor_has_the_windows_compared_when_there_are_other_ones_and_not_too_often(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = left(home, Heartbeat.begun())
    nothing = stream_sensor.look(here, None)
    assert nothing.run_requests == []
    Lake(here).open(WINDOWS).commit(Change("replacement"), "test", notes={"stream": {}})
    first = stream_sensor.look(here, nothing.cursor)
    assert len(first.run_requests) == 1
    Lake(here).open(WINDOWS).commit(Change("replacement"), "test", notes={"stream": {"batch": 1}})
    assert stream_sensor.look(here, first.cursor).run_requests == []
    monkeypatch.setattr(stream_sensor, "CHECK_EVERY_SECONDS", 0)
    second = stream_sensor.look(here, first.cursor)
    assert len(second.run_requests) == 1
    assert stream_sensor.look(here, second.cursor).run_requests == []


def test_the_sensor_has_nothing_to_look_after_where_no_stream_was_started(home: Path) -> None:
    assert stream_sensor.look(Environment(home), None).skip_reason


def test_a_dead_stream_is_started_again_only_if_so_set_and_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Environment] = []
    monkeypatch.setattr(stream_sensor, "start_again", lambda here: started.append(here) or 1)
    dead = left(home, Heartbeat.begun(), DEAD_AFTER * 2)
    stream_sensor.look(dead, None)
    assert started == []
    monkeypatch.setenv("EVENT_PLATFORM_STREAM_RESTARTS", "1")
    cursor = stream_sensor.look(environment.read(), None).cursor
    stream_sensor.look(environment.read(), cursor)
    assert len(started) == 1
    left(home, replace(Heartbeat.begun(), state="stopped"), DEAD_AFTER * 2)
    stream_sensor.look(environment.read(), None)
    assert len(started) == 1


def test_the_process_that_is_started_again_is_the_stream(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Kafka's address it ends at once, and says why in the file beside the heartbeat."""
    monkeypatch.delenv("EVENT_PLATFORM_KAFKA", raising=False)
    here = left(home, Heartbeat.begun(), DEAD_AFTER * 2)
    pid = stream_sensor.start_again(here)
    os.waitpid(pid, 0)
    assert "EVENT_PLATFORM_KAFKA" in heartbeat.path_of(here).with_name("restarted.log").read_text()


def test_doctor_says_that_the_stream_has_died(home: Path) -> None:
    left(home, Heartbeat.begun(), DEAD_AFTER * 2)
    (found,) = [finding for finding in diagnose() if finding.what.startswith("clickstream: The stream")]
    assert not found.ok
    assert "stream clickstream" in found.way_out
    left(home, replace(Heartbeat.begun(), state="stopped"), DEAD_AFTER * 2)
    assert all(finding.ok for finding in diagnose() if finding.what.startswith("clickstream: The stream"))


def test_settings_of_kafkas_security_are_translated_for_java() -> None:
    given = {"security.protocol": "sasl_ssl", "sasl.mechanisms": "SCRAM-SHA-512", "sasl.username": "u", "sasl.password": 'p"w', "client.id": "x"}
    found = messages.options(Kafka("a:1", None, given | {"ssl.ca.location": "/ca.pem"}))
    assert found["kafka.security.protocol"] == "SASL_SSL"
    assert found["kafka.sasl.jaas.config"].endswith('ScramLoginModule required username="u" password="p\\"w";')
    assert found["kafka.ssl.truststore.location"] == "/ca.pem"
    patient, impatient = (messages.options(Kafka("a:1", None, options)) for options in ({}, {"socket.timeout.ms": "3000"}))
    waits = [{options[f"kafka.{name}.timeout.ms"] for name in ("request", "default.api")} for options in (patient, impatient)]
    assert waits == [{"20000"}, {"3000"}]
    with pytest.raises(ConfigurationError, match=r"sasl\.oauthbearer\.config"):
        messages.options(Kafka("a:1", None, {"sasl.oauthbearer.config": "secret"}))
