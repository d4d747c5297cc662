"""Objects under URLs: what the lake asks of a store that is no folder of this machine. One implementation per kind of store, chosen by the scheme."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

from event_platform.errors import ConfigurationError

SCHEMES = ("s3", "webhdfs", "hdfs")
THREADS = 16
"""Requests under way at once: a store answers many as fast as one."""

Given = TypeVar("Given")
Result = TypeVar("Result")


@dataclass(frozen=True)
class StoredObject:
    """An object as it was seen: `version` is another when its bytes are, `modified` (UTC) is told by the store's clock."""

    url: str
    size: int
    modified: datetime
    version: str


class ObjectStore(Protocol):
    """A store of objects. Its methods retry within bounds, and raise ConfigurationError (bucket, rights, credentials) or TransientError.

    Many threads may use one.
    """

    grows: bool
    """Whether an object can be seen while it is being written."""

    def list(self, folder: str, begin: str = "") -> Iterator[StoredObject]:
        """All objects under a folder, page by page, in order of their names, from the name (within the folder) `begin` on."""
        ...

    def find(self, url: str) -> StoredObject | None:
        """The object, if it is there."""
        ...

    def read(self, url: str) -> bytes | None:
        """Its bytes, if it is there."""
        ...

    def create(self, url: str, content: bytes) -> bool:
        """Write an object unless there is one; whether the object there is this one."""
        ...

    def upload(self, path: Path, url: str, progress: Callable[[int], None] | None = None) -> None:
        """Write a file as an object, which appears whole; one that is there is replaced. `progress` gets how many more bytes were sent."""
        ...

    def place(self, path: Path, url: str, progress: Callable[[int], None] | None = None) -> bool:
        """The same unless there is an object; whether the object there is this one."""
        ...

    def download(self, url: str, path: Path, version: str | None = None) -> str | None:
        """Write the object to a file, whole; its version, None when it is not there (in the version asked for)."""
        ...

    def move(self, found: StoredObject, url: str) -> str | None:
        """Give the object another name; done again it changes nothing. The new version, None when the object is gone or changed and was not moved."""
        ...

    def delete(self, urls: Iterable[str]) -> None:
        """Delete objects; those that are not there are no error."""
        ...

    def remove(self, found: StoredObject) -> None:
        """Delete the object if it is still this version of it."""
        ...

    def sweep(self, folder: str) -> int:
        """Remove what uploads under the folder that died long ago left behind; how many."""
        ...


@lru_cache
def object_store(folder: str) -> ObjectStore:
    """The store that a URL lies in. Raises ConfigurationError for a scheme that none knows."""
    scheme = urlsplit(folder).scheme
    if scheme == "s3":
        from event_platform.lake.s3 import S3

        return S3()
    if scheme in SCHEMES:
        from event_platform.lake.hdfs import Hdfs

        return Hdfs.of(folder)
    raise ConfigurationError(f"{folder} is in no store that is known; those known are {', '.join(f'{each}://' for each in SCHEMES)}.")


def in_threads(work: Callable[[Given], Result], given: Iterable[Given]) -> list[Result]:
    """The results, in order, of work that waits for a store; the first error ends it, and what was not begun is left."""
    with ThreadPoolExecutor(THREADS) as threads:
        begun = [threads.submit(work, each) for each in given]
        try:
            return [each.result() for each in begun]
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            raise
