"""Files on disk, as the landing needs them: copied in, given a name that is free, moved, made durable. Nothing here knows what a source is.

What a store of objects offers in their place is in `objects.py`.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from event_platform.errors import PermanentError, PlatformError, TransientError
from event_platform.home import FULL

MAX_NAME_BYTES = 255
"""The longest name that common file systems take."""

COPY_BYTES = 64 << 20
"""How much the kernel is asked to copy in one go; progress is told after each."""

COMPRESSED = (".gz", ".zst")

_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS}
_NO_KERNEL_COPY = {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM}
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


def copy_in(original: Path, folder: Path, mtime_ns: int, progress: Callable[[Path, int], None] | None = None) -> Path:
    """A durable copy of a regular file under a passing name in `folder`; blocks are shared where the file system can.

    `progress` is called with the original and the bytes copied so far. On any error the copy is gone. Raises TransientError when the
    original changed meanwhile, and OSError.
    """
    copy = folder / f"{uuid4().hex}.part"
    try:
        with original.open("rb", buffering=0) as source, copy.open("xb", buffering=0) as target:
            before = os.fstat(source.fileno())
            for copied in _copied(source, target):
                if progress:
                    progress(original, copied)
                if copied > before.st_size:  # it grows, perhaps as fast as it is copied
                    break
            if version(os.fstat(source.fileno())) != version(before):
                raise TransientError(f"{shown(original.name)} changed while it was copied. Land it again once it is complete.")
            os.utime(target.fileno(), ns=(mtime_ns, mtime_ns))
            os.fsync(target.fileno())
    except BaseException:
        copy.unlink(missing_ok=True)
        raise
    return copy


def _copied(source: BinaryIO, target: BinaryIO) -> Iterator[int]:
    """Copy from where both stand, by the kernel as far as it can; the bytes copied so far."""
    done = 0
    try:
        while taken := os.copy_file_range(source.fileno(), target.fileno(), COPY_BYTES):
            done += taken
            yield done
    except OSError as error:
        if error.errno not in _NO_KERNEL_COPY:
            raise
    while chunk := source.read(1 << 20):
        rest = memoryview(chunk)
        while rest:
            rest = rest[target.write(rest) :]
        done += len(chunk)
        yield done


def version(status: os.stat_result) -> tuple[int, int]:
    """What changes when a file's bytes do: size and time of last change."""
    return status.st_size, status.st_mtime_ns


def place(file: Path, folder: Path, name: str, first_number: int = 1) -> tuple[Path, int]:
    """Move a file, in one step, to a name in `folder` that is free: `name`, else `name~2`, `name~3`…; the path, and the number it got.

    Never replaces anything, whoever else places files there. Raises OSError.
    """
    number = first_number
    while True:
        path = folder / numbered(name, number)
        try:
            _link(file, path)
        except FileExistsError:
            number += 1
            continue
        file.unlink(missing_ok=True)
        return path, number


def place_once(file: Path, folder: Path, name: str) -> bool:
    """Move a file, in one step, to that name in `folder`, unless it is taken; then the file goes. Whether it was moved. Raises OSError."""
    try:
        _link(file, folder / name)
    except FileExistsError:
        return False
    finally:
        file.unlink(missing_ok=True)
    return True


def _link(file: Path, path: Path) -> None:
    try:
        path.hardlink_to(file)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        path.touch(exist_ok=False)  # no hard links here: hold the free name, then take it
        file.replace(path)


def move(file: Path, path: Path) -> None:
    """Rename a file to a path that is known to be free; a file that other names share bytes with is copied, so that nobody can change it later.

    Raises PermanentError when the two lie on different file systems, and OSError.
    """
    status = file.lstat()
    if status.st_nlink > 1:
        copy_in(file, path.parent, status.st_mtime_ns).rename(path)
        file.unlink()
        return
    try:
        file.rename(path)
    except OSError as error:
        if error.errno == errno.EXDEV:
            raise PermanentError(
                f"{file.parent} and {path.parent} are on different file systems, so files cannot be claimed in one step. Put the whole lake on one."
            ) from error
        raise


def make_durable(folder: Path) -> None:
    """Write the folder's entries to disk, so that names given survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_whole(path: Path, content: str, mode: int = 0o666, durable: bool = True) -> None:
    """Put a file in the place of what is there, whole, whoever else does so; `mode` is what the umask leaves of it. Raises OSError.

    Unless it is `durable`, a power cut may take it.
    """
    part = path.with_name(f".{path.name}.{uuid4().hex}.part")
    try:
        part.touch(mode)
        with part.open("w", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    if durable:
        make_durable(path.parent)


def write_private(path: Path, content: str) -> None:
    """As `write_whole`, readable by its owner alone."""
    write_whole(path, content, 0o600)


def make_folder(folder: Path) -> Path:
    """Create the folder and those above it, durably; give it back. Raises OSError."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        make_durable(folder.parent)
    return folder


def outermost(folders: Iterable[Path]) -> tuple[Path, ...]:
    """The folders that lie in no other of them, in order."""
    there = sorted(set(folders))
    return tuple(each for each in there if not any(each != other and each.is_relative_to(other) for other in there))


def walk(folder: Path) -> Iterator[os.DirEntry[str]]:
    """What is in the folder and the folders in it, by name, a folder's files before its folders'; nothing for a missing folder.

    Links are given, never followed. Of folders only those that cannot be listed are given. Raises OSError when `folder` cannot be.
    """
    waiting: list[tuple[str, os.DirEntry[str] | None]] = [(str(folder), None)]
    while waiting:
        path, itself = waiting.pop()
        try:
            with os.scandir(path) as listed:
                entries = sorted(listed, key=lambda entry: entry.name)
        except FileNotFoundError:
            continue
        except OSError:
            if itself is None:
                raise
            yield itself
            continue
        yield from (entry for entry in entries if not entry.is_dir(follow_symlinks=False))
        waiting += [(entry.path, entry) for entry in reversed(entries) if entry.is_dir(follow_symlinks=False)]


def is_being_written(path: Path) -> bool:
    """Whether some process has the file open for writing. Linux tells for local files of one's own; elsewhere False, which then means unknown.

    It is asked by taking a read lease, which the kernel refuses while there is a writer. Raises OSError when the file cannot be opened.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        fcntl.fcntl(handle, fcntl.F_SETSIG, signal.SIGURG)  # the signal of a broken lease: one that is ignored
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except AttributeError:  # not Linux
        return False
    except OSError as error:
        return error.errno == errno.EAGAIN
    finally:
        os.close(handle)
    return False


def is_readable(path: Path) -> bool:
    """Whether this user may read the file, or list the folder and enter it."""
    return os.access(path, os.R_OK | (os.X_OK if path.is_dir() else 0), effective_ids=os.access in os.supports_effective_ids)


@contextmanager
def explained(doing: str) -> Iterator[None]:
    """Turn an OSError into a PlatformError that says what was being done: transient, unless rights are missing."""
    try:
        yield
    except OSError as error:
        raise _explanation(doing, error) from error


def _explanation(doing: str, error: OSError) -> PlatformError:
    if error.errno in FULL:
        return TransientError(f"{doing} failed because the disk is full. Make room, then give the same command again.")
    if error.errno in _REFUSED:
        return PermanentError(f"{doing} failed ({error.strerror}). Give this user the right to it, then give the same command again.")
    return TransientError(f"{doing} failed ({error.strerror}). If it fails again, look at the disk and its mounts.")


# Names.


def shown(name: str) -> str:
    """The name as text that can be printed and stored: bytes that are not UTF-8 and control characters become %XX."""
    return _UNSHOWN.sub(_escaped, name)


_UNSHOWN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def _escaped(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in os.fsencode(match.group()))


def numbered(name: str, number: int) -> str:
    """The name with `~number` before its suffix, from number 2 on."""
    if number == 1:
        return shortened(name)
    suffix = suffix_of(name)
    return shortened(f"{name.removesuffix(suffix)}~{number}{suffix}")


def suffix_of(name: str) -> str:
    """The last suffix, with the one before it when the last tells a compression; none when it is implausibly long."""
    stem = Path(name.removesuffix(Path(name).suffix) if name.endswith(COMPRESSED) else name)
    suffix = stem.suffix + (Path(name).suffix if name.endswith(COMPRESSED) else "")
    return suffix if len(os.fsencode(suffix)) <= 20 else ""


def shortened(name: str, most_bytes: int = MAX_NAME_BYTES, escape: Callable[[str], str] = str) -> str:
    """The name, escaped, in at most so many bytes: when it is longer, its middle gives way to `~` and a hash of the whole; the suffix stays."""
    if len(os.fsencode(escape(name))) <= most_bytes:
        return escape(name)
    end = f"~{hashlib.sha256(os.fsencode(name)).hexdigest()[:12]}{escape(suffix_of(name))}"
    kept = name.removesuffix(suffix_of(name))[:most_bytes]
    while len(os.fsencode(escape(kept) + end)) > most_bytes:
        kept = kept[:-1]
    return escape(kept) + end
