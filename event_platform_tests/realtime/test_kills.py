"""Acknowledged is durable: killed at random under load, every acknowledged event is in trusted once; what is sent again is there once."""

import os
import random
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import requests
from ephemeral_port_reserve import reserve

from event_platform_tests.patience import eventually
from event_platform_tests.pipeline import Pipeline
from event_platform_tests.realtime.conftest import CLICK, Running, lines_pending
from infra.process import LOOPBACK

MANY = 100


class Clients:
    """Threads that post batches of events with ids, and send again what was not acknowledged, until told to stop.

    They have `begun` when more than MANY events are acknowledged.
    """

    def __init__(self, collector: Running, count: int, path: str = "/event/clickstream") -> None:
        self.acknowledged: set[str] = set()
        self.begun = threading.Event()
        self._stop = threading.Event()
        self._collector, self._path = collector, path
        self._threads = [threading.Thread(target=self._post, args=(number,)) for number in range(count)]
        for each in self._threads:
            each.start()

    def stop(self) -> None:
        self._stop.set()
        for each in self._threads:
            each.join()

    def _post(self, number: int) -> None:
        batch = 0
        while not self._stop.is_set():
            events = [CLICK | {"event_id": f"{number}-{batch}-{place}"} for place in range(random.Random(batch).choice([1, 30]))]
            try:
                answer = self._collector.post(events, self._path)
            except requests.RequestException:
                self._stop.wait(0.02)
                continue
            if answer.status_code == 200:
                self.acknowledged |= {str(event["event_id"]) for event in events}
                batch += 1
                if len(self.acknowledged) > MANY:
                    self.begun.set()


@pytest.mark.parametrize("workers", [pytest.param(1, marks=pytest.mark.long), 2])
def test_every_acknowledged_event_is_in_trusted_once(collect: Callable[..., Running], clickstream: Pipeline, workers: int) -> None:
    collector = collect("--workers", str(workers))
    clients = Clients(collector, 6)
    for seed in range(2):
        assert clients.begun.wait(60)
        threading.Event().wait(random.Random(seed).uniform(0.05, 0.6))  # any moment will do
        collector.kill()
        if seed < 1:
            collector.start("--workers", str(workers))
    clients.stop()
    clickstream.run_well()
    ids = [str(row[0]) for row in clickstream.sql("SELECT event_id FROM trusted.clickstream")]
    assert len(ids) == len(set(ids))
    assert clients.acknowledged <= set(ids)
    assert len(clients.acknowledged) > MANY
    assert clickstream.sql("SELECT count(*) FROM quarantine.clickstream") == [(0,)]
    assert clickstream.status().balanced


def test_a_worker_that_is_killed_is_replaced_and_leaves_nothing_behind(collect: Callable[..., Running]) -> None:
    collector = collect("--workers", "2")
    assert collector.post([CLICK] * 3).status_code == 200
    workers = collector.workers()
    assert len(workers) == 2
    for each in workers:
        each.kill()
    psutil.wait_procs(workers)
    collector._wait()
    assert collector.post(CLICK).status_code == 200
    collector.stop()
    assert len(lines_pending()) == 4


def test_workers_end_with_the_process_that_started_them(collect: Callable[..., Running]) -> None:
    collector = collect()
    workers = collector.workers()
    assert collector.post(CLICK).status_code == 200
    assert collector.process is not None
    collector.process.kill()
    _, alive = psutil.wait_procs(workers, timeout=30)
    assert (len(workers), alive) == (1, [])
    assert len(lines_pending()) == 1


def test_what_is_under_way_is_answered_before_it_ends(collect: Callable[..., Running]) -> None:
    collector = collect()
    clients = Clients(collector, 4)
    assert clients.begun.wait(60)
    collector.stop()
    clients.stop()
    assert len(set(lines_pending())) >= len(clients.acknowledged) > 0
    assert list(collector.home.glob("lake/landing/clickstream/collecting/*")) == []


def test_a_worker_whose_starter_is_gone_before_it_is_ready_ends(home: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "event_platform.cli", "collect", "--port", str(reserve(LOOPBACK))]
    with (tmp_path / "said").open("wb") as said:
        starter = subprocess.Popen(command, env=os.environ | {"EVENT_PLATFORM_HOME": str(home)}, stdout=said, stderr=said, start_new_session=True)
    collector = Running(home, 0, process=starter)
    while not (workers := collector.workers()):
        assert starter.poll() is None
    starter.kill()
    starter.wait()
    _, alive = psutil.wait_procs(workers, timeout=60)
    for each in alive:
        each.kill()
    assert alive == []


def test_a_collector_that_is_told_to_end_as_it_begins_waits_for_no_worker(home: Path) -> None:
    """Workers that are not ready have nothing under way; told to end they end, instead of being waited for and killed."""
    command = [sys.executable, "-m", "event_platform.cli", "collect", "--workers", "2", "--port", str(reserve(LOOPBACK))]
    told = os.environ | {"EVENT_PLATFORM_HOME": str(home)}
    with subprocess.Popen(command, env=told, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True) as starter:
        assert starter.stdout
        assert any("Spawning worker-1" in said for said in starter.stdout)
        starter.terminate()
        said = starter.stdout.read()
    begun, killed = ({number for number in "12" if f"{what} worker-{number}" in said} for what in ("Started", "Killing"))
    assert (starter.returncode, begun & killed) == (0, set()), said


@pytest.fixture
def small_disk(home: Path) -> Iterator[Path]:
    """A home on a disk of 2 MB."""
    home.mkdir(parents=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(home)], capture_output=True) if shutil.which("mount") else None
    if not mounted or mounted.returncode:
        pytest.skip("this user may not mount a small disk")
    yield home
    subprocess.run(["umount", "-l", str(home)], check=True)


def test_a_full_disk_loses_nothing_that_was_acknowledged(small_disk: Path, collect: Callable[..., Running]) -> None:
    collector = collect()
    filler = small_disk / "filler"
    statuses = []
    for number in range(100):
        answer = collector.post([CLICK | {"event_id": f"{number}-{place}", "note": "x" * 500} for place in range(100)])
        statuses.append(answer.status_code)
        if answer.status_code == 503:
            break
    assert statuses[-1] == 503
    assert "Retry-After" in answer.headers
    assert requests.get(f"{collector.url}/health", timeout=30).status_code == 503
    kept = 100 * statuses.count(200)
    filler.unlink(missing_ok=True)
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    eventually(collector.is_well)  # nobody posts meanwhile: who is told that a collector is not well sends it nothing
    assert collector.post(CLICK).status_code == 200
    collector.stop()
    assert len(set(lines_pending())) == kept + 1
