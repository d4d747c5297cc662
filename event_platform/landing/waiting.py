"""What waits in the pending folder of a source, and what of it may be taken."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import TYPE_CHECKING

from event_platform.lake import files
from event_platform.lake.files import shown
from event_platform.landing.names import is_unfinished

if TYPE_CHECKING:
    from event_platform.environment import Environment
    from event_platform.sources.contract import Source

EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True)
class PendingFile:
    """A file in pending/ as it was seen: `name` is its path within pending/, and so is `path` where pending/ is no folder."""

    path: Path
    name: str
    size: int
    mtime_ns: int


@dataclass(frozen=True)
class Refused:
    """A file that is not taken, and why: it stays where it is until someone acts or its writer is done."""

    path: Path
    why: str

    def __str__(self) -> str:
        """One sentence for people."""
        return f"{shown(self.path.name)} in pending/ is not taken: {self.why}."


@dataclass
class Pending:
    """What lies in pending/, each list in order of arrival (time of last change, then name).

    `ready` can be claimed; `settling` changed less than the settle time ago; `writing` have settled, but a process holds them open for
    writing, perhaps for ever; `refused` are never taken. `settled_in` is when the next of `settling` is ready.
    """

    ready: list[PendingFile] = field(default_factory=list)
    settling: list[PendingFile] = field(default_factory=list)
    writing: list[PendingFile] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    settled_in: timedelta | None = None


def pending_folder(environment: Environment, source: Source) -> Path:
    """Where files of the source arrive."""
    return environment.landing / source.name / "pending"


def look(environment: Environment, source: Source, settle: timedelta | None = None, now: datetime | None = None) -> Pending:
    """What waits in pending/ and the folders in it. `settle` is the environment's when None; `now` (aware) is the clock's.

    A file is ready when its last change is at least `settle` old and no process holds it open for writing, where the system can tell. A
    time of change in the future says nothing; then the system's own time of the last change of the file counts.
    """
    settle_ns = nanoseconds(environment.settle if settle is None else settle)
    now_ns = time.time_ns() if now is None else nanoseconds(now - EPOCH) + 999
    found, folder = Pending(), pending_folder(environment, source)
    for file, changed_ns in sorted(_seen(folder, now_ns, found), key=lambda seen: (seen[0].mtime_ns, seen[0].name)):
        wait_ns = changed_ns + settle_ns - now_ns
        if wait_ns > 0:
            found.settling.append(file)
            found.settled_in = min(found.settled_in or timedelta.max, timedelta(microseconds=wait_ns // 1000 + 1))
        else:
            (found.writing if _is_being_written(file.path) else found.ready).append(file)
    return found


def _seen(folder: Path, now_ns: int, found: Pending) -> Iterator[tuple[PendingFile, int]]:
    """Files that may be taken, each with the time by which it settles; what may not goes to `found.refused`."""
    for entry in files.walk(folder):
        path = Path(entry.path)
        name = path.relative_to(folder).as_posix()
        if any(map(is_unfinished, name.split("/"))):
            continue
        try:
            status = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            continue
        if why := _refusal(path, status):
            found.refused.append(Refused(path, why))
        else:
            changed_ns = status.st_mtime_ns if status.st_mtime_ns <= now_ns else status.st_ctime_ns
            yield PendingFile(path, name, status.st_size, status.st_mtime_ns), changed_ns


def _refusal(path: Path, status: os.stat_result) -> str | None:
    if path.is_symlink():
        return "it is a link, which may lead out of the lake; put the file itself there"
    if S_ISDIR(status.st_mode):
        return "it is a folder that this user has no right to list"
    if not S_ISREG(status.st_mode):
        return "it is not a regular file"
    return None if files.is_readable(path) else "this user has no right to read it"


def _is_being_written(path: Path) -> bool:
    try:
        return files.is_being_written(path)
    except OSError:  # gone or not to be opened: the claim finds out, and tells
        return False


def nanoseconds(duration: timedelta) -> int:
    """The duration in nanoseconds."""
    return duration // timedelta(microseconds=1) * 1000
