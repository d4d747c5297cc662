"""The queue of a source: files arrive in `pending/`, are claimed once, and stay in `processed/date=YYYY-MM-DD/` for ever.

An archived file is named `<file id>-<original name>`, which is all that is needed to enter it in the ledger: a claim that dies between
moving a file and committing its row is made good by `adopt`. The name ends in .gz or .zst exactly when the bytes are so compressed; a
name that said otherwise gets `%.gz`, `%.zst` or `%.plain` added. Only names are logged, never content.
"""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from threading import Event
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote_to_bytes

from event_platform.errors import PermanentError, PlatformError, UsageError
from event_platform.lake import files
from event_platform.lake.files import shown
from event_platform.landing.inspect import Inspection, inspect
from event_platform.records.compression import Compression, compression_of

if TYPE_CHECKING:
    from event_platform.environment import Environment
    from event_platform.sources.contract import Source

UNFINISHED = (".tmp", ".part", ".partial", ".crdownload", ".swp", "~")
"""Ends of names that programs give to what they are still writing; names that begin with a dot count too. Such files are left alone."""

ABANDONED_AFTER = timedelta(days=1)
"""A half-made copy in `.incoming/` that has not grown for so long belongs to a process that died."""

FILES_PER_CLAIM = 10_000
BYTES_PER_CLAIM = 128 << 30
"""One claim is one batch. Large, since lines stream through, and two batches that repeat each other's events rewrite each other's files."""

CLOCK_MAY_GO_BACK = timedelta(days=1)
"""Ids increase even when the clock goes back, so a file may lie under an earlier date than its id tells; so much earlier is looked."""

_EPOCH = datetime.fromtimestamp(0, UTC)
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PendingFile:
    """A file in pending/ as it was seen: `name` is its path within pending/."""

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


@dataclass(frozen=True)
class Claimed:
    """A file in the archive. `file_id` is the time of the claim in microseconds since 1970, and so is `claimed_at`, in UTC."""

    landing_date: date
    landing_file: str
    file_id: int
    original_name: str
    claimed_at: datetime
    inspection: Inspection


@dataclass
class Claims:
    """What a claim took, in order of file id, and what it had to leave; `more`: ready files are left for a further claim."""

    files: list[Claimed] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    more: bool = False

    def __iter__(self) -> Iterator[Claimed]:
        """The files."""
        return iter(self.files)


def pending_folder(environment: Environment, source: Source) -> Path:
    """Where files of the source arrive."""
    return environment.landing / source.name / "pending"


def archive_folder(environment: Environment, source: Source) -> Path:
    """Where claimed files of the source stay."""
    return environment.landing / source.name / "processed"


# Landing.


def land(environment: Environment, source: Source, paths: Iterable[Path], progress: Callable[[Path, int], None] | None = None) -> list[Path]:
    """Copy files, and all files in folders, into pending/: each appears there whole, at once, and replaces nothing.

    A folder's files get one flat name each (`a/b.json` becomes `a-b.json`); hidden and unfinished files and links in it are left out and
    logged, while a path given by itself is taken whatever it is called, links followed. Files are ready at once: they carry a time of
    change that is one settle time in the past, in the order given. `progress` gets the original and its bytes copied so far.

    Raises UsageError for a path that is not there, before anything is copied; PermanentError for one that cannot be read; TransientError
    when the disk is full or a file changes. What was landed before stays landed, and landing it again is harmless.
    """
    wanted = list(_wanted(map(Path, paths)))
    landed: list[Path] = []
    try:
        for path in _landed(environment, source, wanted, progress):
            landed.append(path)  # noqa: PERF402 - an error must find those before it
    except PlatformError as error:
        raise type(error)(f"{error} {len(landed)} of {len(wanted)} files were landed before it; landing them again does no harm.") from error
    return landed


def _landed(
    environment: Environment, source: Source, wanted: Sequence[tuple[Path, str]], progress: Callable[[Path, int], None] | None
) -> Iterator[Path]:
    with files.explained(f"Preparing landing/{source.name}/"):
        pending = files.make_folder(pending_folder(environment, source))
        incoming = files.make_folder(pending.parent / ".incoming")
        _sweep(incoming)
    last_ns, numbers = 0, dict[str, int]()
    for path, name in wanted:
        with files.explained(f"Landing {shown(path.name)}"):
            last_ns = max(time.time_ns() - _nanoseconds(environment.settle), last_ns + 1)
            copy = files.copy_in(path, incoming, last_ns, progress)
            placed, number = files.place(copy, pending, name, numbers.get(name, 1))
        numbers[name] = number + 1
        yield placed
    with files.explained(f"Landing files in landing/{source.name}/pending/"):
        files.make_durable(pending)


def _wanted(paths: Iterable[Path]) -> Iterator[tuple[Path, str]]:
    """Each file to land with the name it gets."""
    for path in paths:
        if path.is_dir():
            yield from _within(path)
        elif path.is_file():
            _require_readable(path)
            yield path, _finished_name(path.name)
        elif path.exists():
            raise UsageError(f"{shown(str(path))} is neither a file nor a folder. Save what it gives to a file, then land that.")
        else:
            raise UsageError(f"{shown(str(path))} is not there. Nothing was landed; check the path.")


def _within(folder: Path) -> Iterator[tuple[Path, str]]:
    _require_readable(folder)
    for entry in files.walk(folder):
        path = Path(entry.path)
        parts = path.relative_to(folder).parts
        if entry.is_dir(follow_symlinks=False):
            _require_readable(path)
        elif not entry.is_file(follow_symlinks=False):
            _log.warning("%s is left out: it is %s", shown(str(path)), "a link" if entry.is_symlink() else "not a regular file")
        elif any(map(_is_unfinished, parts)):
            _log.warning("%s is left out: its name is that of a hidden or unfinished file", shown(str(path)))
        else:
            _require_readable(path)
            yield path, _finished_name("-".join(parts))


def _require_readable(path: Path) -> None:
    if not files.is_readable(path):
        raise PermanentError(f"{shown(str(path))} cannot be read by this user. Give the right to read it, then give the same command again.")


def _is_unfinished(name: str) -> bool:
    return name.startswith(".") or name.lower().endswith(UNFINISHED)


def _finished_name(name: str) -> str:
    """The name, changed where it would make the queue leave the file alone."""
    return f"{'_' if name.startswith('.') else ''}{name}{'.landed' if name.lower().endswith(UNFINISHED) else ''}"


def _sweep(incoming: Path) -> None:
    """Remove what landings that died left behind; what others are landing comes and goes meanwhile."""
    for entry in files.walk(incoming):
        with suppress(FileNotFoundError):
            if time.time_ns() - entry.stat(follow_symlinks=False).st_ctime_ns > _nanoseconds(ABANDONED_AFTER):
                Path(entry.path).unlink()
                _log.warning("removed .incoming/%s, which a landing that died had left", shown(entry.name))


# Waiting.


def pending(environment: Environment, source: Source, settle: timedelta | None = None, now: datetime | None = None) -> Pending:
    """What waits in pending/ and the folders in it. `settle` is the environment's when None; `now` (aware) is the clock's.

    A file is ready when its last change is at least `settle` old and no process holds it open for writing, where the system can tell. A
    time of change in the future says nothing; then the system's own time of the last change of the file counts.
    """
    settle_ns = _nanoseconds(environment.settle if settle is None else settle)
    now_ns = time.time_ns() if now is None else _nanoseconds(now - _EPOCH) + 999
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
        if any(map(_is_unfinished, name.split("/"))):
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


def _nanoseconds(duration: timedelta) -> int:
    return duration // timedelta(microseconds=1) * 1000


# Claiming.


def claim(
    environment: Environment,
    source: Source,
    landing_date: date,
    next_file_id: int,
    *,
    most_files: int = FILES_PER_CLAIM,
    most_bytes: int = BYTES_PER_CLAIM,
) -> Claims:
    """Move ready files to the archive of the landing date, in order of arrival, and inspect each where it then lies, read-only.

    At least one file is taken, however large. File ids start at `next_file_id` or the time now, whichever is later, and increase. A file
    that vanished is left out and one that changed meanwhile goes back to pending/; both are told in `refused`. One claim at a time per
    source. Raises PlatformError when the archive cannot be written or a file cannot be read; files moved by then are for `adopt`.
    """
    found = pending(environment, source)
    batch = list(_batch(found.ready, most_files, most_bytes))
    claims = Claims(refused=found.refused, more=len(batch) < len(found.ready))
    if not batch:
        return claims
    folder = archive_folder(environment, source) / f"date={landing_date}"
    with files.explained(f"Claiming files of {source.name}"):
        files.make_folder(folder)
        moved = list(_moved(batch, folder, next_file_id, claims))
        files.make_durable(folder)
    _examine_all(moved, environment, source, claims)
    return claims


class _Moved(NamedTuple):
    path: Path
    version: tuple[int, int]


def _batch(ready: Iterable[PendingFile], most_files: int, most_bytes: int) -> Iterator[PendingFile]:
    total = 0
    for number, file in enumerate(islice(ready, most_files)):
        total += file.size
        if number and total > most_bytes:
            return
        yield file


def _moved(batch: Iterable[PendingFile], folder: Path, next_file_id: int, claims: Claims) -> Iterator[_Moved]:
    for file in batch:
        file_id = max(next_file_id, time.time_ns() // 1000)
        try:
            if files.version(file.path.lstat()) != (file.size, file.mtime_ns):
                _refuse(claims, file.path, "it is still being written")
                continue
            target = folder / archived_name(file_id, file.name, _compression(file.path))
            files.move(file.path, target)
        except FileNotFoundError:
            _refuse(claims, file.path, "it vanished while it was claimed")
            continue
        next_file_id = file_id + 1
        yield _Moved(target, (file.size, file.mtime_ns))


def _compression(path: Path) -> Compression:
    with path.open("rb", buffering=0) as file:
        return compression_of(file.read(4))


def _refuse(claims: Claims, path: Path, why: str) -> None:
    refused = Refused(path, why)
    claims.refused.append(refused)
    _log.warning("%s", refused)


def _examine_all(moved: Sequence[_Moved], environment: Environment, source: Source, claims: Claims) -> None:
    with ThreadPoolExecutor(environment.threads or os.cpu_count()) as pool:
        for file, claimed in zip(moved, pool.map(_examined, moved), strict=True):
            if claimed:
                claims.files.append(claimed)
            else:
                _give_back(file.path, pending_folder(environment, source), claims)


def _examined(file: _Moved) -> Claimed | None:
    """The archived file as the ledger will know it; None when it is not what was moved, or may not stay so."""
    with files.explained(f"Reading {shown(file.path.name)} in the archive"):
        _make_read_only(file.path)
        inspection = inspect(file.path)
        if files.version(file.path.lstat()) != file.version or files.is_being_written(file.path):
            return None
    file_id, original_name, compression = read_archived_name(file.path.name)
    if compression != inspection.compression:
        return None
    folder = file.path.parent.name
    claimed_at = _EPOCH + timedelta(microseconds=file_id)
    return Claimed(_date_of(folder), f"{folder}/{file.path.name}", file_id, original_name, claimed_at, inspection)


def _make_read_only(path: Path) -> None:
    try:
        path.chmod(0o444)
    except PermissionError:  # another user's file: its owner alone may
        _log.info("%s stays writable for its owner", shown(path.name))


def _give_back(archived: Path, folder: Path, claims: Claims) -> None:
    """Put a file back in pending/ under its own name, as if it had never been moved."""
    with files.explained(f"Putting {shown(archived.name)} back in pending/"):
        if archived.stat().st_uid == os.geteuid():
            archived.chmod(0o644)
        _, name, _ = read_archived_name(archived.name)
        placed, _ = files.place(archived, files.make_folder(folder), name.replace("/", "-"))
    _refuse(claims, placed, "it is still being written")


def archived_name(file_id: int, name: str, compression: Compression) -> str:
    """The name under which a pending file is archived: `<file id>-<name>` in at most 255 bytes, made of letters, digits, space and ` .,+=@~()_-`.

    Any other character becomes %XX, and a longer name is cut, a hash in the place of what is gone.
    """
    said = {".gz": "gzip", ".zst": "zstd"}.get(Path(name).suffix, "none")
    mark = "" if said == compression else {"gzip": "%.gz", "zstd": "%.zst", "none": "%.plain"}[compression]
    prefix = f"{file_id}-"
    return prefix + files.shortened(name, files.MAX_NAME_BYTES - len(prefix) - len(mark), _escape) + mark


def read_archived_name(archived: str) -> tuple[int, str, Compression]:
    """The file id, the original name (as text: `shown`), and the compression that an archived name tells; ValueError when it is none."""
    file_id, dash, name = archived.partition("-")
    if not dash or not file_id.isdecimal():
        raise ValueError(f"{shown(archived)} does not begin with a file id")
    compression: Compression = "gzip" if name.endswith(".gz") else "zstd" if name.endswith(".zst") else "none"
    unmarked = re.sub(r"%\.(gz|zst|plain)$", "", name)
    return int(file_id), shown(os.fsdecode(unquote_to_bytes(unmarked))), compression


_UNSAFE = re.compile(r"[^\w .,+=@~()-]")


def _escape(name: str) -> str:
    return _UNSAFE.sub(lambda match: "".join(f"%{byte:02X}" for byte in os.fsencode(match.group())), name)


# Adopting.


def adopt(environment: Environment, source: Source, last_entered: int) -> list[Claimed]:
    """Archived files with a greater id than the last one in the ledger: what a dead claim moved but did not enter, in order of id.

    Each is given as that claim would have given it; one that changes even now goes back to pending/. Raises PlatformError as `claim` does.
    """
    claims = Claims()
    with files.explained(f"Listing the archive of {source.name}"):
        unknown = [_Moved(path, files.version(path.lstat())) for path in archived_after(environment, source, last_entered)]
    _examine_all(unknown, environment, source, claims)
    return claims.files


def archived_after(environment: Environment, source: Source, file_id: int) -> list[Path]:
    """The archived files with a greater id than the given one, in order. What no claim put into the archive is logged and left out."""
    since = (_EPOCH + timedelta(microseconds=file_id) - CLOCK_MAY_GO_BACK).date() if file_id else date.min
    found = [path for folder in _date_folders(archive_folder(environment, source)) if _date_of(folder.name) >= since for path in folder.iterdir()]
    claimed = ((read_archived_name(path.name)[0], path) for path in filter(_is_claimed, sorted(found)))
    return [path for own_id, path in sorted(claimed) if own_id > file_id]


def _date_folders(archive: Path) -> Iterator[Path]:
    for folder in archive.glob("date=*"):
        try:
            _date_of(folder.name)
        except ValueError:
            _log.warning("%s in the archive is not a landing date; it is left alone", shown(folder.name))
        else:
            yield folder


def _is_claimed(path: Path) -> bool:
    try:
        read_archived_name(path.name)
    except ValueError:
        claimed = False
    else:
        claimed = path.is_file() and not path.is_symlink()
    if not claimed:
        _log.warning("%s/%s was not put into the archive by a claim; it is left alone", path.parent.name, shown(path.name))
    return claimed


def _date_of(folder: str) -> date:
    return date.fromisoformat(folder.removeprefix("date="))


# Watching.

TICK = timedelta(milliseconds=100)
"""How late a watch may notice that a file has settled."""

LONGEST_LOOK = timedelta(seconds=1)
"""How long a watch goes, at most, without looking for itself: for files that a writer has closed, and for events that the kernel lost."""


def watch(
    environment: Environment, sources: Sequence[Source], stop_event: Event | None = None, *, force_polling: bool | None = None
) -> Iterator[set[str]]:
    """Names of sources with files that have become ready, the moment they do; first those that are ready already.

    A file is told once, as long as it does not change: whoever cannot process it decides when to try again. `force_polling`: look every
    so often instead of asking the kernel, as network file systems need; when None, WATCHFILES_FORCE_POLLING decides. Ends when
    `stop_event` is set; KeyboardInterrupt passes through. Raises TransientError when a pending folder cannot be watched.
    """
    told: dict[str, set[PendingFile]] = {source.name: set() for source in sources}
    due = dict.fromkeys(told, 0.0)
    for changed in _ticks([pending_folder(environment, source) for source in sources], stop_event, force_polling):
        fresh = set()
        for source in sources:
            if changed or time.monotonic() >= due[source.name]:
                found = pending(environment, source)
                due[source.name] = time.monotonic() + min(found.settled_in or LONGEST_LOOK, LONGEST_LOOK).total_seconds()
                fresh |= {source.name} if set(found.ready) - told[source.name] else set()
                told[source.name] = set(found.ready)
        if fresh:
            yield fresh


def arrivals(environment: Environment, sources: Sequence[Source], stop_event: Event | None = None) -> Iterator[set[str]]:
    """Sets of source names: first all of them, for work that was left; then as `watch` gives them, until `stop_event` is set."""
    yield {source.name for source in sources}
    yield from watch(environment, sources, stop_event)


def _ticks(folders: Sequence[Path], stop_event: Event | None, force_polling: bool | None) -> Iterator[bool]:
    """Whether something happened in the folders, as soon as it does, else every TICK. Folders that are removed are made again."""
    from watchfiles import watch as watched

    while not (stop_event and stop_event.is_set()):
        with files.explained("Watching the pending folders"):
            watching = [files.make_folder(folder).stat().st_ino for folder in folders]
            yield True
            for changes in watched(
                *folders,
                watch_filter=None,
                debounce=100,
                step=10,
                stop_event=stop_event,
                rust_timeout=TICK // timedelta(milliseconds=1),
                yield_on_timeout=True,
                force_polling=force_polling,
            ):
                yield bool(changes)
                if watching != [folder.stat().st_ino if folder.exists() else None for folder in folders]:
                    break
