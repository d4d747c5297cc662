"""Copies of objects on this machine's disk, since DuckDB works on files. The copies used longest ago give way when there are too many.

An object's copy is found by its URL and version; tables' files never change, so their URL alone is enough. Many processes may share one cache.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from filelock import FileLock

from event_platform.lake import files
from event_platform.lake.objects import in_threads

LENT_FOR = timedelta(hours=1)
"""A copy is not removed for so long after it was asked for; as long as the longest step may take."""

Fetch = Callable[[Path], None]
"""Writes an object to a file."""


class Cache:
    """A folder of copies that holds about `most_bytes`, and always what was asked for within the last hour."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        """Nothing is made before something is fetched."""
        self.folder, self.most_bytes = folder, most_bytes

    def path(self, url: str, version: str = "") -> Path:
        """Where the copy of an object is, or would be."""
        return self.folder / f"{hashlib.sha256(f'{version} {url}'.encode()).hexdigest()[:40]}{files.suffix_of(url.rpartition('/')[2])}"

    def fetch(self, wanted: Iterable[tuple[Path, Fetch]]) -> None:
        """See to it that the copies at these paths (of `path`) are there, fetching in threads those that are not.

        Raises TransientError for a full disk, and what fetching raises.
        """
        with files.explained(f"Writing to {self.folder}"):
            files.make_folder(self.folder)
            with self._lock():
                missing = [(path, fetch) for path, fetch in wanted if not _touched(path)]
            if missing:
                in_threads(lambda each: self._fill(*each), missing)
                self._evict()

    def _fill(self, path: Path, fetch: Fetch) -> None:
        part = self.folder / f"{uuid4().hex}.part"
        try:
            fetch(part)
            part.rename(path)
        finally:
            part.unlink(missing_ok=True)

    def adopt(self, made: Sequence[tuple[Path, Path]]) -> None:
        """Take files that were just written or fetched, each to the path of its copy; they leave where they were."""
        with files.explained(f"Writing to {self.folder}"):
            files.make_folder(self.folder)
            for file, path in made:
                os.utime(file)
                file.rename(path)
            self._evict()

    def _evict(self) -> None:
        """Remove the copies used longest ago until those left fit; also what processes that died were fetching."""
        with self._lock(), os.scandir(self.folder) as listed:
            copies = sorted((status.st_mtime, status.st_size, entry.path) for entry in listed if entry.name != ".lock" and (status := _status(entry)))
            total = sum(size for _, size, _ in copies)
            before = time.time() - LENT_FOR.total_seconds()
            for used, size, path in copies:
                if total <= self.most_bytes or used > before:
                    break
                Path(path).unlink(missing_ok=True)
                total -= size

    def _lock(self) -> FileLock:
        return FileLock(self.folder / ".lock")


def _status(entry: os.DirEntry[str]) -> os.stat_result | None:
    """None for what is gone: fetches end while the folder is listed."""
    try:
        return entry.stat()
    except FileNotFoundError:
        return None


def _touched(path: Path) -> bool:
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return True
