"""The queue of a source on disk: `pending/` where files arrive, `processed/date=YYYY-MM-DD/` where they stay.

Files come in under a temporary name and appear in one step; they are claimed by a rename. Nothing here reads a line: what the bytes are
is `inspection`'s work, what is known of a file is the ledger's.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from event_platform.errors import PermanentError, TransientError, UsageError
from event_platform.landing.inspection import Inspection, inspect

if TYPE_CHECKING:
    from event_platform.environment import Environment
    from event_platform.sources.contract import Source

STILL_BEING_WRITTEN = (".tmp", ".part", ".partial", ".crdownload", ".swp", "~")
"""Names that programs give to files they have not finished; hidden files (`.name`) count too."""

LONGEST_NAME_BYTES = 255
ID_PREFIX_BYTES = 20
"""The archive puts a file id of 16 digits and a dash before the name."""


@dataclass(frozen=True)
class Refused:
    """Something in pending/ that is not taken, and why."""

    path: Path
    why: str


@dataclass
class Pending:
    """What lies in pending/: files to claim in order of arrival, files that may still be written, and what is refused."""

    ready: list[Path] = field(default_factory=list)
    settling: list[Path] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)


@dataclass(frozen=True)
class Claimed:
    """A file in the archive; `file_id` is the claim's time in microseconds since 1970, made greater than every earlier one."""

    landing_date: date
    landing_file: str
    file_id: int
    original_name: str
    claimed_at: datetime
    inspection: Inspection


def pending_folder(environment: Environment, source: Source) -> Path:
    """Where files wait."""
    return environment.landing / source.name / "pending"


def archive_folder(environment: Environment, source: Source) -> Path:
    """Where claimed files stay."""
    return environment.landing / source.name / "processed"


def land(environment: Environment, source: Source, paths: Sequence[Path]) -> list[Path]:
    """Copy files, and every file in folders, into pending/; each appears whole or not at all, and never replaces another.

    Links inside folders are left out. Raises UsageError for a path that is not there, PermanentError for one that cannot be read,
    TransientError when the disk is full; what was landed before stays landed.
    """
    incoming = environment.landing / source.name / ".incoming"
    pending = pending_folder(environment, source)
    for folder in (incoming, pending):
        folder.mkdir(parents=True, exist_ok=True)
    return [_land_file(path, incoming, pending) for path in _files_under(paths)]


def _files_under(paths: Sequence[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise UsageError(f"{path} is not there; nothing was landed.")
        found += sorted(each for each in path.rglob("*") if each.is_file() and not each.is_symlink()) if path.is_dir() else [path]
    if not found:
        raise UsageError(f"There is no file in {', '.join(map(str, paths))}.")
    return found


def _land_file(path: Path, incoming: Path, pending: Path) -> Path:
    temporary = incoming / uuid4().hex
    try:
        shutil.copyfile(path, temporary)
        with temporary.open("rb") as copied:
            os.fsync(copied.fileno())
        os.utime(temporary, (0, path.stat().st_mtime))
        return _place(temporary, pending, path.name)
    except OSError as error:
        raise _explained(error, path) from error
    finally:
        temporary.unlink(missing_ok=True)


def _explained(error: OSError, path: Path) -> Exception:
    if error.errno == errno.ENOSPC:
        return TransientError(f"The disk is full: {path.name} could not be landed. Make room and land it again; files before it are landed.")
    return PermanentError(f"{path} cannot be landed ({error.strerror}). Check that you may read it; files before it are landed.")


def _place(temporary: Path, folder: Path, name: str) -> Path:
    """Give the file its name in the folder; a name that is taken gets a number before its suffix."""
    for number in range(1, 1_000_000):
        target = folder / (name if number == 1 else _numbered(name, number))
        try:
            os.link(temporary, target)
        except FileExistsError:
            continue
        return target
    raise PermanentError(f"{folder} holds a million files named {name}.")


def _numbered(name: str, number: int) -> str:
    stem, dot, suffix = name.partition(".") if not name.startswith(".") else (name, "", "")
    return shortened(f"{stem}~{number}{dot}{suffix}", LONGEST_NAME_BYTES)


def shortened(name: str, most_bytes: int) -> str:
    """The name cut to so many bytes of UTF-8, a hash of the whole in place of what was cut, the suffix kept."""
    raw = os.fsencode(name)
    if len(raw) <= most_bytes:
        return name
    suffix = os.fsencode("".join(Path(name).suffixes[-2:]))[-30:]
    mark = b"~" + hashlib.sha256(raw).hexdigest()[:12].encode()
    return (raw[: most_bytes - len(mark) - len(suffix)] + mark + suffix).decode("utf-8", "ignore")


def pending(environment: Environment, source: Source) -> Pending:
    """What waits, by time of last change and name. A file changed less than the settle time ago may still be written to."""
    found = Pending()
    unsettled_after = time.time_ns() - environment.settle // timedelta(microseconds=1) * 1000
    entries = []
    for path in _entries(pending_folder(environment, source), found):
        try:
            status = path.stat()
        except FileNotFoundError:
            continue
        entries.append((status.st_mtime_ns, path.name, path, _landed_whole(status)))
    for changed, _, path, landed_whole in sorted(entries, key=lambda entry: entry[:2]):
        (found.ready if landed_whole or changed <= unsettled_after else found.settling).append(path)
    return found


def _entries(folder: Path, found: Pending) -> Iterator[Path]:
    """Regular files in the folder and its folders; what else there is goes to `found.refused`."""
    try:
        children = list(os.scandir(folder))
    except FileNotFoundError:
        return
    for child in children:
        path = Path(child.path)
        if _still_being_written(child):
            continue
        if child.is_symlink():
            found.refused.append(Refused(path, "it is a link, which may point out of the lake"))
        elif child.is_dir(follow_symlinks=False):
            yield from _entries(path, found)
        elif not child.is_file(follow_symlinks=False):
            found.refused.append(Refused(path, "it is not a regular file"))
        elif not os.access(path, os.R_OK):
            found.refused.append(Refused(path, "it cannot be read"))
        else:
            yield path


def _still_being_written(entry: os.DirEntry[str]) -> bool:
    """By its name: hidden or with a suffix for unfinished files. What `land` put there is whole, whatever its name."""
    if not (entry.name.startswith(".") or entry.name.endswith(STILL_BEING_WRITTEN)):
        return False
    return entry.is_symlink() or not _landed_whole(entry.stat(follow_symlinks=False))


def _landed_whole(status: os.stat_result) -> bool:
    """`land` marks what it placed by an access time of 1970."""
    return status.st_atime_ns == 0


def claim(environment: Environment, source: Source, landing_date: date, next_file_id: int) -> list[Claimed]:
    """Move every settled pending file to the archive, in order of arrival, and inspect it there.

    A file that vanishes meanwhile is left out; one that is still being written to goes back to pending/.
    """
    folder = archive_folder(environment, source) / f"date={landing_date}"
    folder.mkdir(parents=True, exist_ok=True)
    moved: list[tuple[Path, Path]] = []
    for path in pending(environment, source).ready:
        file_id = max(next_file_id, time.time_ns() // 1000)
        target = folder / f"{file_id}-{_safe(path.name)}"
        try:
            path.rename(target)
        except FileNotFoundError:
            continue
        next_file_id = file_id + 1
        moved.append((path, target))
    with ThreadPoolExecutor() as pool:
        claimed = list(pool.map(_inspected, (target for _, target in moved)))
    return [each for each, (path, target) in zip(claimed, moved, strict=True) if each or _given_back(target, path)]  # type: ignore[misc]


def _safe(name: str) -> str:
    """The name as the archive keeps it: characters that some storage cannot hold become %XX."""
    safe = "".join(
        char if char.isprintable() and char not in '/\\"*:<>?|' else "".join(f"%{byte:02X}" for byte in os.fsencode(char)) for char in name
    )
    return shortened(safe, LONGEST_NAME_BYTES - ID_PREFIX_BYTES)


def _inspected(path: Path) -> Claimed | None:
    """The archived file as the ledger will know it; None when it changed while it was read."""
    before = path.stat()
    inspection = inspect(path)
    after = path.stat()
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        return None
    path.chmod(0o444)
    file_id, _, name = path.name.partition("-")
    claimed_at = datetime.fromtimestamp(int(file_id) / 1_000_000, UTC)
    return Claimed(_day_of(path.parent), f"{path.parent.name}/{path.name}", int(file_id), name, claimed_at, inspection)


def _given_back(archived: Path, waiting: Path) -> bool:
    archived.rename(waiting)
    return False


def adopt(environment: Environment, source: Source, last_entered: int) -> list[Claimed]:
    """The archived files with a greater id: what a dead claim moved but did not enter in the ledger."""
    return [each for each in map(_inspected, archived_after(environment, source, last_entered)) if each]


def archived_after(environment: Environment, source: Source, file_id: int) -> list[Path]:
    """The archived files with an id greater than the given one, in order."""
    since = datetime.fromtimestamp(file_id / 1_000_000, UTC).date()
    folders = [folder for folder in archive_folder(environment, source).glob("date=*") if _day_of(folder) >= since]
    return sorted(path for folder in folders for path in folder.iterdir() if int(path.name.partition("-")[0]) > file_id)


def _day_of(folder: Path) -> date:
    return date.fromisoformat(folder.name.removeprefix("date="))


def arrivals(environment: Environment, sources: Sequence[Source]) -> Iterator[set[str]]:
    """Sets of source names: first all, then those in whose pending/ something happened, the moment it did.

    Ends on Ctrl-C. A change is told once more when the settle time after it has passed.
    """
    from watchfiles import watch

    folders = {pending_folder(environment, source): source.name for source in sources}
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    names = set(folders.values())
    yield names
    settle_ms = max(50, int(environment.settle.total_seconds() * 1000) + 50)
    for changes in watch(*folders, debounce=100, step=50, rust_timeout=settle_ms, yield_on_timeout=True):
        changed = {name for folder, name in folders.items() for _, path in changes if Path(path).is_relative_to(folder)}
        settling = {source.name for source in sources if pending(environment, source).ready} if not changes else set()
        if changed | settling:
            yield changed | settling
