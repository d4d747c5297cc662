"""A landing of its own for each test: files dropped into it as anyone would, and what became of them."""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from event_platform import sources
from event_platform.environment import Environment
from event_platform.landing import queue
from event_platform.landing.claims import Claimed, Claims
from event_platform.landing.waiting import pending_folder
from event_platform.sources.contract import Source
from event_platform_tests.landing.bucket import Bucket

DAY = datetime.now(UTC).date()
NOBODY = 65534


@dataclass(frozen=True)
class Landing:
    """The landing of payments, and short ways to use it. A dropped file is `age_s` seconds old."""

    environment: Environment
    source: Source

    @property
    def pending(self) -> Path:
        return pending_folder(self.environment, self.source)

    @property
    def archive(self) -> Path:
        return queue.archive_folder(self.environment, self.source)

    def drop(self, name: str, data: bytes = b"{}\n", age_s: float = 60) -> Path:
        path = self.pending / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        changed_ns = time.time_ns() - int(age_s * 1e9)
        os.utime(path, ns=(changed_ns, changed_ns))
        return path

    def waiting(self) -> list[str]:
        return [file.name for file in queue.pending(self.environment, self.source).ready]

    def claim(self, next_file_id: int = 0, **limits: int) -> Claims:
        return queue.claim(self.environment, self.source, DAY, next_file_id, **limits)

    def adopt(self, last_entered: int = 0) -> list[Claimed]:
        return queue.adopt(self.environment, self.source, lambda: last_entered)

    def archived(self) -> dict[str, bytes]:
        """Everything in the archive: original names and bytes."""
        return {path.name.split("-", 1)[1]: path.read_bytes() for path in self.archive.glob("*/*")}


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    """An empty landing; files settle after a second."""
    return Landing(Environment(tmp_path / "home", settle=timedelta(seconds=1)), sources.get("payments"))


@pytest.fixture
def bucket(lake_url: str) -> Bucket:  # noqa: ARG001 - the process is told of it
    """An empty landing in a store of objects."""
    return Bucket()


@pytest.fixture
def as_nobody() -> Iterator[Path]:
    """A folder that belongs to the user who runs the test; root, who may read everything, becomes an ordinary user meanwhile."""
    if os.geteuid() != 0:
        with TemporaryDirectory() as folder:
            yield Path(folder)
        return
    with TemporaryDirectory() as folder:
        os.chown(folder, NOBODY, NOBODY)
        os.seteuid(NOBODY)
        try:
            yield Path(folder)
        finally:
            os.seteuid(0)


def meanwhile(monkeypatch: pytest.MonkeyPatch, holder: Any, name: str, act: Callable[[], object]) -> None:
    """Do something right before a function is called the first time."""
    original, acted = getattr(holder, name), []

    def acting(*arguments: Any, **options: Any) -> Any:
        if not acted:
            acted.append(True)
            act()
        return original(*arguments, **options)

    monkeypatch.setattr(holder, name, acting)
