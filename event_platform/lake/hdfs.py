"""HDFS, through fsspec: `webhdfs://user@host:port/folder` needs nothing but HTTP, `hdfs://` Hadoop's native library.

Renaming is atomic there and replaces nothing, so what is written gets a passing name first and its own then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from event_platform.errors import ConfigurationError, TransientError
from event_platform.lake.objects import StoredObject

ABANDONED_AFTER = timedelta(days=1)
PASSING = ".passing"
"""End of the names, which begin with a dot, of what is being written; it lies beside where it will be."""


@dataclass(frozen=True)
class Hdfs:
    """One name node; `root` is scheme and host as in URLs, `system` the fsspec file system."""

    root: str
    system: Any
    grows = True

    @classmethod
    def of(cls, root: str) -> Hdfs:
        """The store behind URLs that begin so."""
        from fsspec.core import url_to_fs

        with _explained(root):
            system, _ = url_to_fs(f"{root}/")
        return cls(root, system)

    def list(self, folder: str, begin: str = "") -> Iterator[StoredObject]:
        """As ObjectStore says; the name node gives a folder at a time."""
        path = self._path(folder)
        with _explained(folder):
            found = self.system.find(path, detail=True) if self.system.exists(path) else {}
        for name, told in sorted(found.items()):
            if name.removeprefix(f"{path}/") >= begin:
                yield self._stored(f"{self.root}{name}", told)

    def find(self, url: str) -> StoredObject | None:
        """As ObjectStore says."""
        with _explained(url):
            try:
                told = self.system.info(self._path(url))
            except FileNotFoundError:
                return None
        return self._stored(url, told)

    def read(self, url: str) -> bytes | None:
        """As ObjectStore says."""
        with _explained(url):
            try:
                return bytes(self.system.cat_file(self._path(url)))
            except FileNotFoundError:
                return None

    def create(self, url: str, content: bytes) -> bool:
        """As ObjectStore says."""
        with _explained(url):
            passing = self._passing(url)
            self.system.pipe_file(passing, content)
            return self._renamed(passing, url) or self.read(url) == content

    def upload(self, path: Path, url: str, progress: Callable[[int], None] | None = None) -> None:
        """As ObjectStore says."""
        while not self.place(path, url, progress):
            self.delete([url])

    def place(self, path: Path, url: str, progress: Callable[[int], None] | None = None) -> bool:
        """As ObjectStore says."""
        with _explained(url):
            passing = self._passing(url)
            self.system.put_file(str(path), passing)
            if progress:
                progress(path.stat().st_size)
            return self._renamed(passing, url)

    def download(self, url: str, path: Path, version: str | None = None) -> str | None:
        """As ObjectStore says."""
        found = self.find(url)
        if found is None or version not in (None, found.version):
            return None
        with _explained(url):
            self.system.get_file(self._path(url), str(path))
        after = self.find(url)
        return found.version if after == found and path.stat().st_size == found.size else None

    def move(self, found: StoredObject, url: str) -> str | None:
        """As ObjectStore says; one renaming."""
        if self.find(found.url) == found:
            with _explained(found.url):
                self._renamed(self._path(found.url), url, keep=True)
        moved = self.find(url)
        return moved.version if moved else None

    def delete(self, urls: Iterable[str]) -> None:
        """As ObjectStore says."""
        for url in urls:
            with _explained(url):
                if self.system.exists(self._path(url)):
                    self.system.rm(self._path(url))

    def remove(self, found: StoredObject) -> None:
        """As ObjectStore says, but for a moment between looking and deleting."""
        if self.find(found.url) == found:
            self.delete([found.url])

    def sweep(self, folder: str) -> int:
        """As ObjectStore says."""
        before = datetime.now(UTC) - ABANDONED_AFTER
        dead = [found.url for found in self.list(folder) if found.url.endswith(PASSING) and found.modified < before]
        self.delete(dead)
        return len(dead)

    def _renamed(self, path: str, url: str, *, keep: bool = False) -> bool:
        """Whether the file got the name, which it does not when there is one by it."""
        target = self._path(url)
        self.system.makedirs(target.rpartition("/")[0], exist_ok=True)
        done = self.system._call("RENAME", method="put", path=path, destination=target).json()["boolean"]
        if not done and not keep:
            self.system.rm(path)
        return bool(done)

    def _passing(self, url: str) -> str:
        folder = self._path(url).rpartition("/")[0]
        self.system.makedirs(folder, exist_ok=True)
        return f"{folder}/.{uuid4().hex}{PASSING}"

    def _path(self, url: str) -> str:
        return url.removeprefix(self.root)

    def _stored(self, url: str, told: dict[str, Any]) -> StoredObject:
        modified = told["modificationTime"]
        return StoredObject(url, told["size"], datetime.fromtimestamp(modified / 1000, UTC), f"{told['size']}-{modified}")


@contextmanager
def _explained(what: str) -> Iterator[None]:
    import requests

    try:
        yield
    except ImportError as error:
        raise ConfigurationError(f"{what} cannot be used: {error}. webhdfs:// needs no more than HTTP.") from None
    except PermissionError:
        raise ConfigurationError(f"HDFS does not let us use {what}. Name a user that may: webhdfs://user@host:port/folder.") from None
    except (requests.RequestException, OSError, RuntimeError) as error:
        raise TransientError(f"{what} cannot be reached ({type(error).__name__}). Nothing is half done; run again when it is back.") from error
