"""Where the files of tables are: in folders of this machine, or in a store of objects. Whichever it is, DuckDB reads and writes local files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from uuid import uuid4

from event_platform.errors import PermanentError
from event_platform.lake import files
from event_platform.lake.cache import Cache
from event_platform.lake.objects import SCHEMES, ObjectStore, in_threads, object_store
from event_platform.scratch import passing_folder

if TYPE_CHECKING:
    from event_platform.environment import Environment


FILE = "file://"


class Storage(Protocol):
    """The files of tables, named as the catalogue names them: by path, or by URL."""

    def paths(self, names: Sequence[str]) -> list[str]:
        """Where the files can be read on this machine; those that are elsewhere are fetched."""
        ...

    @contextmanager
    def written(self, folder: str) -> Iterator[Path]:
        """A folder of this machine into which to write what shall be in `folder` once it is published."""
        ...

    def publish(self, paths: Sequence[str], within: Path, folder: str) -> list[str]:
        """The names of files that were written; they can be read by these names from now on."""
        ...

    def listed(self, folder: str) -> Iterator[tuple[str, int]]:
        """Name and bytes of every file in the folder and in those in it."""
        ...

    def delete(self, names: Sequence[str]) -> None:
        """Delete files."""
        ...


class Folders:
    """Files of this machine, named by path, or by `file://` URL where a catalogue tells them to others."""

    def paths(self, names: Sequence[str]) -> list[str]:
        """Their paths."""
        return [name.removeprefix(FILE) for name in names]

    @contextmanager
    def written(self, folder: str) -> Iterator[Path]:
        """The folder itself."""
        path = Path(folder.removeprefix(FILE))
        path.mkdir(parents=True, exist_ok=True)
        yield path

    def publish(self, paths: Sequence[str], within: Path, folder: str) -> list[str]:  # noqa: ARG002 - they are where they shall be
        """Named as the folder is."""
        return [f"{FILE}{path}" for path in paths] if folder.startswith(FILE) else [*paths]

    def listed(self, folder: str) -> Iterator[tuple[str, int]]:
        """As Storage says."""
        for entry in files.walk(Path(folder.removeprefix(FILE))):
            yield entry.path, entry.stat(follow_symlinks=False).st_size

    def delete(self, names: Sequence[str]) -> None:
        """As Storage says."""
        for name in names:
            Path(name.removeprefix(FILE)).unlink()


class Objects:
    """Objects in a store, read from copies in the cache, and written to the scratch folder before they are uploaded."""

    def __init__(self, store: ObjectStore, cache: Cache, scratch: Path) -> None:
        """Nothing is asked of the store yet."""
        self.store, self.cache, self.scratch = store, cache, scratch

    def paths(self, names: Sequence[str]) -> list[str]:
        """Where the copies are."""
        copies = [self.cache.path(name) for name in names]
        self.cache.fetch((copy, partial(self._download, name)) for name, copy in zip(names, copies, strict=True))
        return [str(copy) for copy in copies]

    def _download(self, name: str, path: Path) -> None:
        if self.store.download(name, path) is None:
            raise missing(name)

    @contextmanager
    def written(self, folder: str) -> Iterator[Path]:  # noqa: ARG002 - where they shall be matters when they are published
        """A passing folder; what was not published by the end is gone."""
        with passing_folder(self.scratch, "write-") as path:
            yield path

    def publish(self, paths: Sequence[str], within: Path, folder: str) -> list[str]:
        """Upload the files; then the cache has them, for they are read soon."""
        names = [f"{folder.rstrip('/')}/{Path(path).relative_to(within).as_posix()}" for path in paths]
        in_threads(lambda each: self.store.upload(Path(each[0]), each[1]), zip(paths, names, strict=True))
        self.cache.adopt([(Path(path), self.cache.path(name)) for path, name in zip(paths, names, strict=True)])
        return names

    def listed(self, folder: str) -> Iterator[tuple[str, int]]:
        """As Storage says."""
        return ((found.url, found.size) for found in self.store.list(folder))

    def delete(self, names: Sequence[str]) -> None:
        """As Storage says."""
        self.store.delete(names)


FOLDERS = Folders()


def is_remote(location: str) -> bool:
    """Whether a location is a URL of a store, not a folder of this machine."""
    return location.partition("://")[0] in SCHEMES


def storage(environment: Environment, location: str) -> Storage:
    """The storage in which a table's location is."""
    if not is_remote(location):
        return FOLDERS
    return Objects(object_store(root(location)), cache(environment), environment.scratch)


def cache(environment: Environment) -> Cache:
    """The cache of a home."""
    return Cache(environment.cache, environment.cache_bytes)


def missing(name: str) -> PermanentError:
    """The error for a file that a table names and nobody finds."""
    return PermanentError(f"{name} belongs to a table and is not there any more. Put it back from a copy or an older version.")


def probe(location: str) -> None:
    """Try what a lake in a store needs: list, write, read and delete. Raises ConfigurationError or TransientError that say what fails."""
    store, url = object_store(root(location)), f"{location}/.probe-{uuid4().hex}"
    next(iter(store.list(location)), None)
    store.create(url, b"")
    store.find(url)
    store.delete([url])


def root(location: str) -> str:
    """Scheme and bucket, or scheme and host: what tells one store from another."""
    scheme, _, rest = location.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"
