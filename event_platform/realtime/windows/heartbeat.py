"""How the stream is: a small file in the home that it writes again every few seconds, for whoever asks without asking Spark.

A stream whose file is old, though it says that it runs, has died; one that was told to end, or had caught up, says so in its last words.
"""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from event_platform.lake import files

if TYPE_CHECKING:
    from event_platform.environment import Environment

BEAT_SECONDS = 2.0
DEAD_AFTER = timedelta(seconds=30)
"""A batch of a whole backlog does not keep the stream from saying that it lives; only a machine that stands still does."""

State = Literal["running", "waiting", "stopped", "caught up", "failed"]


@dataclass(frozen=True)
class Heartbeat:
    """The stream as it was at `beat_at`. Counts are since it was started, `behind` is how many messages of the topic it has not read.

    `waiting`: for Kafka, the registry or the lake, which are away. `why` says why it waits or failed. Times are ISO 8601, UTC.
    """

    state: State = "running"
    pid: int = 0
    host: str = ""
    started_at: str = ""
    beat_at: str = ""
    batch: int = -1
    watermark: str = ""
    messages: int = 0
    poison: int = 0
    early: int = 0
    late: int = 0
    behind: int = 0
    why: str = ""

    @classmethod
    def begun(cls) -> Heartbeat:
        """That of this process."""
        return cls(pid=os.getpid(), host=_machine(), started_at=_now())

    @property
    def age(self) -> timedelta:
        """How old it is."""
        return datetime.now(UTC) - datetime.fromisoformat(self.beat_at)

    @property
    def is_dead(self) -> bool:
        """Whether the stream should run and does not."""
        ended_well = self.state in ("stopped", "caught up")
        return self.state == "failed" or (not ended_well and (self.age > DEAD_AFTER or self._is_gone))

    @property
    def _is_gone(self) -> bool:
        """Whether its process is not on this machine any more; of another machine nothing is known."""
        import psutil

        if self.host != _machine():
            return False
        try:
            return bool(psutil.Process(self.pid).status() == psutil.STATUS_ZOMBIE)  # who started it has not asked how it ended
        except psutil.NoSuchProcess:
            return True
        except psutil.AccessDenied:  # somebody else's, so it is there
            return False

    @property
    def told(self) -> str:
        """How the stream is, as a sentence."""
        if self.state == "failed":
            return f"The stream failed at {self._at}: {self.why}"
        if self.state == "stopped":
            return f"The stream was told to end at {self._at}."
        if self.state == "caught up":
            return f"The stream had caught up, and ended at {self._at}."
        if self.is_dead:
            return f"The stream has died: its last sign of life is of {self._at}."
        waits = f"; it waits: {self.why}" if self.state == "waiting" else ""
        batch = f"batch {self.batch}" if self.batch >= 0 else "before its first batch"
        return f"The stream runs: {batch}, {self.behind:,} messages behind{waits}."

    @property
    def way_out(self) -> str:
        """What to do about it; empty if it lives or ended well."""
        return "Start it again with `event-platform stream clickstream`: it goes on where it stopped." if self.is_dead else ""

    @property
    def _at(self) -> str:
        return f"{datetime.fromisoformat(self.beat_at):%Y-%m-%d %H:%M:%S} UTC"

    def write(self, environment: Environment) -> None:
        """Leave it where others find it, with the time."""
        path = path_of(environment)
        files.make_folder(path.parent)
        files.write_whole(path, json.dumps(asdict(replace(self, beat_at=_now()))))


def _machine() -> str:
    """Where a process's id means that process: the machine, and on Linux the container, of which several may have one machine's name."""
    space = Path("/proc/self/ns/pid")
    return f"{socket.gethostname()} {space.readlink()}" if space.is_symlink() else socket.gethostname()


@contextmanager
def beating(environment: Environment, now: Callable[[], Heartbeat]) -> Iterator[None]:
    """Write the heartbeat every BEAT_SECONDS, whatever else this process is busy with."""
    over = threading.Event()

    def beat() -> None:
        ended = False
        while not ended:
            with suppress(OSError):  # a disk that is full for a while is no death
                now().write(environment)
            ended = over.wait(BEAT_SECONDS)

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def read(environment: Environment) -> Heartbeat | None:
    """The last sign of life; None if no stream was ever started in this home."""
    try:
        told = json.loads(path_of(environment).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return Heartbeat(**{name: value for name, value in told.items() if name in Heartbeat.__dataclass_fields__})


def path_of(environment: Environment) -> Path:
    """The file."""
    return environment.streams / "clickstream" / "heartbeat.json"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
