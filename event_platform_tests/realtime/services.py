"""The services of a platform that streams, as processes that are started again whenever they end: what `restart: always` does in compose."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

import psutil
import requests

import infra
from event_platform import environment
from event_platform.realtime.windows import heartbeat
from event_platform_tests.patience import eventually
from infra.errors import InfraError
from infra.process import running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    Work = Callable[[], AbstractContextManager[psutil.Popen]]
    """A context that gives a process, and ends it."""
    IsAtWork = Callable[[psutil.Popen], bool]
    """Whether the process does what it is for."""

SHORTEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 16.0
"""Before what ended is started again: longer each time that it could not be started, or ended at once, for want of another."""
AT_ONCE_SECONDS = 10.0


class Service:
    """One process, and its successors, from now on."""

    def __init__(self, name: str, log: Path, work: Work, is_at_work: IsAtWork) -> None:
        self.name, self.kills = name, 0
        self._work, self._is_at_work = work, is_at_work
        self._log, self._log_bytes_before = log, 0
        self._process: psutil.Popen | None = None
        self._over, self._failure = threading.Event(), list[BaseException]()
        self._thread = threading.Thread(target=self._keep_going, name=name)
        self._thread.start()

    @property
    def is_at_work(self) -> bool:
        self._raise_failure()
        process = self._process
        return process is not None and process.poll() is None and self._is_at_work(process)

    def has_said(self, words: str) -> bool:
        """Since it was started the last time."""
        return words in self._log.read_bytes()[self._log_bytes_before :].decode()

    def kill(self) -> None:
        """Kill it with all that it started, as a container is killed."""
        assert self._process
        self.kills += 1
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        """End it kindly and for good."""
        self._over.set()
        if self._process and self._process.poll() is None:
            self._process.terminate()
        self._thread.join(120)
        assert not self._thread.is_alive(), f"{self.name} does not end"
        self._raise_failure()

    def _raise_failure(self) -> None:
        if self._failure:
            raise self._failure[0]

    def _keep_going(self) -> None:
        pause = SHORTEST_PAUSE_SECONDS
        try:
            while not self._over.wait(pause):
                begun = time.monotonic()
                self._log_bytes_before = self._log.stat().st_size if self._log.exists() else 0
                with suppress(InfraError), self._work() as self._process:
                    if not self._over.is_set():
                        self._process.wait()
                is_at_once = time.monotonic() - begun < AT_ONCE_SECONDS
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS) if is_at_once else SHORTEST_PAUSE_SECONDS
        except BaseException as error:  # noqa: BLE001 - told by whoever asks
            self._failure.append(error)


@contextmanager
def services(folder: Path, port: int) -> Iterator[dict[str, Service]]:
    """Broker, collector, consumer, watch and stream of the home; what they say is in `folder`. They end with the block."""
    started: dict[str, Service] = {}

    with ExitStack() as ending:

        def begin(name: str, work: Work, is_at_work: IsAtWork) -> None:
            started[name] = Service(name, folder / f"{name}.log", work, is_at_work)
            ending.callback(started[name].stop)

        begin("broker", lambda: _broker(folder / "broker"), lambda _: True)
        eventually(lambda: started["broker"].is_at_work)
        begin("collect", _command(folder, "collect", "--port", str(port)), lambda _: _is_well(port))
        begin("consume", _command(folder, "consume", "clickstream"), lambda _: started["consume"].has_said("consuming"))
        begin("watch", _command(folder, "watch", "clickstream"), lambda _: started["watch"].has_said("watching"))
        begin("stream", _command(folder, "stream", "clickstream"), _counts)
        yield started


@contextmanager
def _broker(folder: Path) -> Iterator[psutil.Popen]:
    with infra.kafka(folder) as broker:
        yield broker.process


def _command(folder: Path, *words: str) -> Work:
    """`event-platform …`; what it says goes to a file of its name."""
    line, here = [sys.executable, "-m", "event_platform.cli", *words], {"PYTHONPATH": str(environment.CHECKOUT)}
    return lambda: running(words[0], line, folder, lambda: True, environment=here)


def _is_well(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/health", timeout=5).ok
    except requests.RequestException:
        return False


def _counts(process: psutil.Popen) -> bool:
    """Whether this very stream has done a batch."""
    beat = heartbeat.read(environment.read())
    return beat is not None and beat.pid == process.pid and beat.state == "running" and beat.messages > 0
