"""The queue of a source: files arrive in `pending/`, are claimed once, and stay in `processed/date=YYYY-MM-DD/` for ever.

An archived file is named `<file id>-<original name>`, which is all that is needed to enter it in the ledger: a claim that dies between
moving a file and committing its row is made good by `adopt`. The name ends in .gz or .zst exactly when the bytes are so compressed; a
name that said otherwise gets `%.gz`, `%.zst` or `%.plain` added. Only names are logged, never content.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from event_platform import home
from event_platform.errors import PlatformError
from event_platform.lake import files
from event_platform.lake.files import shown
from event_platform.landing.claims import Claimed, Claims
from event_platform.landing.claims import batch as _batch
from event_platform.landing.inspect import inspect
from event_platform.landing.names import archived_name, date_of, read_archived_name
from event_platform.landing.object_queue import ObjectQueue
from event_platform.landing.originals import originals
from event_platform.landing.waiting import EPOCH, Pending, PendingFile, Refused, look, nanoseconds, pending_folder
from event_platform.records.compression import Compression, compression_of

if TYPE_CHECKING:
    from event_platform.environment import Environment
    from event_platform.sources.contract import Source

ABANDONED_AFTER = timedelta(days=1)
"""A half-made copy in `.incoming/` that has not grown for so long belongs to a process that died."""

FILES_PER_CLAIM = 10_000
BYTES_PER_CLAIM = 128 << 30
"""One claim is one batch. Large, since lines stream through, and two batches that repeat each other's events rewrite each other's files."""

CLOCK_MAY_GO_BACK = timedelta(days=1)
"""Ids increase even when the clock goes back, so a file may lie under an earlier date than its id tells; so much earlier is looked."""

_log = logging.getLogger(__name__)


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
    wanted = list(originals(map(Path, paths)))
    landed: list[Path] = []
    try:
        place = ObjectQueue(environment, source).land if environment.lake_url else partial(_landed, environment, source)
        for path in place(wanted, progress):
            landed.append(path)  # noqa: PERF402 - an error must find those before it
    except PlatformError as error:
        raise type(error)(f"{error} {len(landed)} of {len(wanted)} files were landed before it; landing them again does no harm.") from error
    return landed


def _landed(
    environment: Environment, source: Source, wanted: Sequence[tuple[Path, str]], progress: Callable[[Path, int], None] | None
) -> Iterator[Path]:
    home.made(environment.home)
    with files.explained(f"Preparing landing/{source.name}/"):
        pending = files.make_folder(pending_folder(environment, source))
        incoming = files.make_folder(pending.parent / ".incoming")
        sweep(incoming)
    last_ns, numbers = 0, dict[str, int]()
    for path, name in wanted:
        with files.explained(f"Landing {shown(path.name)}"):
            last_ns = max(time.time_ns() - nanoseconds(environment.settle), last_ns + 1)
            copy = files.copy_in(path, incoming, last_ns, progress)
            placed, number = files.place(copy, pending, name, numbers.get(name, 1))
        numbers[name] = number + 1
        yield placed
    with files.explained(f"Landing files in landing/{source.name}/pending/"):
        files.make_durable(pending)


def sweep(incoming: Path) -> None:
    """Remove what landings that died left in `.incoming/`; what others are landing comes and goes meanwhile."""
    for entry in files.walk(incoming):
        with suppress(FileNotFoundError):
            if time.time_ns() - entry.stat(follow_symlinks=False).st_ctime_ns > nanoseconds(ABANDONED_AFTER):
                Path(entry.path).unlink()
                _log.warning("removed .incoming/%s, which a landing that died had left", shown(entry.name))


def pending(environment: Environment, source: Source, settle: timedelta | None = None, now: datetime | None = None) -> Pending:
    """What waits in pending/ and the folders in it, as `waiting.look` tells it; in a store where objects appear whole, nothing settles."""
    return ObjectQueue(environment, source).pending() if environment.lake_url else look(environment, source, settle, now)


def names_not_entered(environment: Environment, source: Source, last_entered: int) -> list[str]:
    """Names under which files arrived that are in pending/, or in the archive with a greater id than the last one in the ledger was.

    Raises PlatformError when they cannot be listed.
    """
    if environment.lake_url:
        return ObjectQueue(environment, source).names_not_entered()
    with files.explained(f"Listing what has landed of {source.name}"):
        found = look(environment, source)
        waiting = [file.name for file in (*found.ready, *found.settling, *found.writing)]
        return waiting + [read_archived_name(path.name)[1] for path in archived_after(environment, source, last_entered)]


# Claiming.


def claim(
    environment: Environment,
    source: Source,
    landing_date: date,
    next_file_id: int,
    *,
    claimer: str = "",
    most_files: int = FILES_PER_CLAIM,
    most_bytes: int = BYTES_PER_CLAIM,
    last_entered: Callable[[], int] = lambda: 0,
) -> Claims:
    """Move ready files to the archive of the landing date, in order of arrival, and inspect each where it then lies, read-only.

    At least one file is taken, however large. File ids start at `next_file_id` or the time now, whichever is later, and increase. A file
    that vanished is left out and one that changed meanwhile goes back to pending/; both are told in `refused`. One claim at a time per
    source; in a store of objects, `claimer` tells whose it is, and `last_entered` the greatest id in the ledger now. Raises PlatformError when the
    archive cannot be written or a file cannot be read; files moved by then are for `adopt`.
    """
    if environment.lake_url:
        return ObjectQueue(environment, source).claim(claimer, landing_date, next_file_id, most_files, most_bytes, last_entered)
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
    claimed_at = EPOCH + timedelta(microseconds=file_id)
    return Claimed(date_of(folder), f"{folder}/{file.path.name}", file_id, original_name, claimed_at, inspection)


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


# Adopting.


def adopt(environment: Environment, source: Source, last_entered: Callable[[], int], claimer: str = "") -> list[Claimed]:
    """Archived files with a greater id than the last one in the ledger now: what a dead claim moved but did not enter, in order of id.

    Each is given as that claim would have given it; one that changes even now goes back to pending/. Raises PlatformError as `claim` does.
    """
    if environment.lake_url:
        return ObjectQueue(environment, source).adopt(claimer, last_entered)
    claims = Claims()
    with files.explained(f"Listing the archive of {source.name}"):
        unknown = [_Moved(path, files.version(path.lstat())) for path in archived_after(environment, source, last_entered())]
    _examine_all(unknown, environment, source, claims)
    return claims.files


def release(environment: Environment, source: Source, claimer: str, entered: Iterable[Claimed]) -> None:
    """Say that these files, which were claimed or adopted, are in the ledger; from then on others may claim."""
    if environment.lake_url:
        ObjectQueue(environment, source).release(claimer, {file.file_id for file in entered})


def left_behind(environment: Environment, source: Source, last_entered: int, claimer: str) -> bool:
    """Whether there is something to adopt."""
    if environment.lake_url:
        return ObjectQueue(environment, source).is_claimed_by(claimer)
    return bool(archived_after(environment, source, last_entered))


def dates_not_entered(environment: Environment, source: Source, last_entered: int) -> frozenset[date]:
    """Landing dates of files that a claim has moved to the archive, or is about to, and that are not in the ledger. Raises PlatformError."""
    if environment.lake_url:
        return ObjectQueue(environment, source).dates_under_way()
    with files.explained(f"Listing the archive of {source.name}"):
        return frozenset(date_of(path.parent.name) for path in archived_after(environment, source, last_entered))


def archived_after(environment: Environment, source: Source, file_id: int) -> list[Path]:
    """The archived files with a greater id than the given one, in order. What no claim put into the archive is logged and left out."""
    since = (EPOCH + timedelta(microseconds=file_id) - CLOCK_MAY_GO_BACK).date() if file_id else date.min
    found = [path for folder in _date_folders(archive_folder(environment, source)) if date_of(folder.name) >= since for path in folder.iterdir()]
    claimed = ((read_archived_name(path.name)[0], path) for path in filter(_is_claimed, sorted(found)))
    return [path for own_id, path in sorted(claimed) if own_id > file_id]


def _date_folders(archive: Path) -> Iterator[Path]:
    for folder in archive.glob("date=*"):
        try:
            date_of(folder.name)
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
