"""Segments: files of whole lines that grow in `landing/<source>/collecting/`, which no claim sees, until they are moved to `pending/`.

They grow on a local disk also where the lake is in a store of objects; then they are landed there, and a death in between may land one twice, with
the same bytes, which the ledger knows to be a repeat.

Whoever appends to a segment holds a lock on it, which dies with the process. A segment nobody holds is what a dead process left: `recover` cuts its
torn last line, which was never acknowledged, and moves the rest to pending/.
"""

from __future__ import annotations

import fcntl
import logging
import os
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from event_platform.lake import files
from event_platform.landing import queue
from event_platform.landing.waiting import pending_folder

if TYPE_CHECKING:
    from pathlib import Path

    from event_platform.environment import Environment
    from event_platform.sources.contract import Source

TAIL_BYTES = 1 << 20
"""How much is read at a time to find where the last whole line ends."""

TRIED_BYTES = 1 << 20
"""Less room than this on a disk is none: it would be full again at once. Zeros that a crash leaves are a torn line."""

_log = logging.getLogger(__name__)

_sync = getattr(os, "fdatasync", os.fsync)  # macOS has only the latter


def collecting_folder(environment: Environment, source: Source) -> Path:
    """Where segments grow."""
    return environment.landing / source.name / "collecting"


class Segment:
    """One growing file. `size` is how many bytes of it are durable; what a failed append left beyond them is cut off."""

    def __init__(self, environment: Environment, source: Source) -> None:
        """Begin an empty segment, its name durable. Raises OSError."""
        self.size = 0
        self.begun = time.monotonic()
        self._environment, self._source = environment, source
        folder = files.make_folder(collecting_folder(environment, source))
        while True:
            self.path = folder / f"collected-{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid4().hex[:12]}.json"
            self._handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o644)
            if _is_taken(self._handle) and os.fstat(self._handle).st_nlink:
                break
            os.close(self._handle)  # `recover` of another process came between
        files.make_durable(folder)

    def append(self, lines: bytes) -> None:
        """Write whole lines; they are durable when this returns. Raises OSError; then hand the segment over, for nothing may follow in it."""
        self._write(lines)
        self.size += len(lines)

    def try_disk(self) -> None:
        """Write something and cut it off again. Raises OSError; then hand the segment over."""
        self._write(bytes(TRIED_BYTES))
        os.ftruncate(self._handle, self.size)

    def _write(self, content: bytes) -> None:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(self._handle, rest) :]
        _sync(self._handle)

    def hand_over(self) -> None:
        """Close the segment and move it to pending/, where it can be claimed at once; an empty one goes. Raises OSError and PlatformError."""
        try:
            if self.size:
                os.ftruncate(self._handle, self.size)
                _hand_over(self.path, self._environment, self._source)
            else:
                self.path.unlink()
        finally:
            self.close()

    def leave(self) -> None:
        """Let go of what is durable, which is left to whoever recovers it; where the rest cannot be cut off, that goes with it."""
        with suppress(OSError):
            os.ftruncate(self._handle, self.size)
        self.close()

    def close(self) -> None:
        """Let go of the segment as it is."""
        os.close(self._handle)


def is_queue_empty(environment: Environment, source: Source) -> bool:
    """Whether nothing lies in pending/, so that whoever claims has nothing to do; a store of objects is not asked, for that takes too long."""
    if environment.lake_url:
        return False
    try:
        with os.scandir(pending_folder(environment, source)) as entries:
            return next(entries, None) is None
    except OSError as error:  # for want of handles, perhaps; then it is not known
        return isinstance(error, FileNotFoundError)


def recover(environment: Environment, source: Source) -> list[Path]:
    """Move what dead processes left to pending/, cut after the last whole line; give where it lies now. Raises PlatformError."""
    folder = collecting_folder(environment, source)
    if not folder.is_dir():
        return []
    with files.explained(f"Recovering what a collector of {source.name} left"):
        return [placed for path in sorted(folder.iterdir()) if (placed := _recovered(path, environment, source))]


def _recovered(path: Path, environment: Environment, source: Source) -> Path | None:
    try:
        handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:  # handed over meanwhile
        return None
    try:
        if not _is_taken(handle) or not _is_still(path, handle):
            return None
        end = _end_of_lines(handle)
        if end == 0:
            path.unlink()
            return None
        os.ftruncate(handle, end)
        os.fsync(handle)
        placed = _hand_over(path, environment, source)
        _log.warning("%s, which a collector that died had left, is in pending/", path.name)
        return placed
    finally:
        os.close(handle)


def _hand_over(path: Path, environment: Environment, source: Source) -> Path:
    if environment.lake_url:
        (placed,) = queue.land(environment, source, [path])
        path.unlink()
        return placed
    changed_ns = time.time_ns() - int(environment.settle.total_seconds() * 1e9)
    os.utime(path, ns=(changed_ns, changed_ns))
    pending = files.make_folder(pending_folder(environment, source))
    placed = pending / path.name
    path.rename(placed)
    files.make_durable(pending)
    files.make_durable(path.parent)
    return placed


def _is_taken(handle: int) -> bool:
    """Whether the lock on the file is ours now."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_still(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(path.lstat(), os.fstat(handle))
    except FileNotFoundError:
        return False


def _end_of_lines(handle: int) -> int:
    """The length of the file up to and with its last newline."""
    end = os.fstat(handle).st_size
    while end:
        begin = max(0, end - TAIL_BYTES)
        newline = os.pread(handle, end - begin, begin).rfind(b"\n")
        if newline >= 0:
            return begin + newline + 1
        end = begin
    return 0
