"""A collector in a process of its own, and short ways to post to it."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
from ephemeral_port_reserve import reserve
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from event_platform import environment, sources
from event_platform.landing.waiting import pending_folder
from event_platform_tests.pipeline import Pipeline
from infra.process import LOOPBACK

CLICK = {"username": "ada", "page": "/", "event_name": "click", "event_time": 1_767_225_600}


@dataclass
class Running:
    """A collector that listens; `home` is where it keeps events."""

    home: Path
    port: int
    settings: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, *options: str, under: tuple[str, ...] = ()) -> None:
        command = [*under, sys.executable, "-m", "event_platform.cli", "collect", "--port", str(self.port), *options]
        self.process = subprocess.Popen(command, env=os.environ | self.settings, start_new_session=True, stderr=subprocess.PIPE)
        self._wait()

    @retry(
        retry=retry_if_exception_type((requests.ConnectionError, requests.Timeout)), wait=wait_fixed(0.1), stop=stop_after_delay(120), reraise=True
    )
    def _wait(self) -> None:
        """Connections are taken before there is a worker to answer."""
        assert self.process is not None and self.process.poll() is None, self.process and self.process.stderr and self.process.stderr.read()
        requests.get(f"{self.url}/health", timeout=5).raise_for_status()

    def kill(self) -> None:
        """Kill all its processes at once, as a power cut would."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()

    def stop(self) -> bytes:
        """End it kindly; what it said."""
        assert self.process is not None
        self.process.terminate()
        said = self.process.communicate(timeout=60)[1]
        self.process = None
        return said

    def workers(self) -> list[psutil.Process]:
        assert self.process is not None
        return [each for each in psutil.Process(self.process.pid).children() if _is_worker(each)]

    def is_well(self) -> bool:
        """As it says itself."""
        return requests.get(f"{self.url}/health", timeout=30).status_code == 200

    def post(self, body: Any, path: str = "/event/clickstream", **options: Any) -> requests.Response:
        kind = "data" if isinstance(body, bytes) else "json"
        return requests.post(self.url + path, **{kind: body}, timeout=30, **options)


def _is_worker(child: psutil.Process) -> bool:
    try:
        return "resource_tracker" not in " ".join(child.cmdline())
    except psutil.NoSuchProcess:  # also one that has ended and that nobody asked how
        return False


@contextmanager
def running(home: Path, *options: str, configuration: str = "", **settings: str) -> Iterator[Running]:
    home.mkdir(parents=True, exist_ok=True)
    if configuration:
        (home / "collector.toml").write_text(configuration, encoding="utf-8")
    collector = Running(home, reserve(LOOPBACK), {"EVENT_PLATFORM_HOME": str(home), **settings})
    try:
        collector.start(*options)
        yield collector
    finally:
        if collector.process and collector.process.poll() is None:
            collector.kill()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A collector with the defaults, and pages of one origin."""
    with running(tmp_path_factory.mktemp("collector") / "home", configuration='origins = ["https://shop.example.com"]\n') as collector:
        yield collector


@pytest.fixture
def clickstream(home: Path) -> Pipeline:  # noqa: ARG001 - tells the process of a home
    return Pipeline(sources.get("clickstream"))


@pytest.fixture
def collect(home: Path) -> Iterator[Callable[..., Running]]:
    """Start a collector of the home; it is gone at the end."""
    with_options: list[Any] = []

    def start(*options: str, configuration: str = "", **settings: str) -> Running:
        context = running(home, *options, configuration=configuration, **settings)
        with_options.append(context)
        return context.__enter__()

    yield start
    for context in with_options:
        context.__exit__(None, None, None)


def lines_pending() -> list[str]:
    """All lines in pending/ of the clickstream."""
    folder = pending_folder(environment.read(), sources.get("clickstream"))
    return [line for path in sorted(folder.glob("*")) for line in path.read_text(encoding="utf-8").splitlines()]
