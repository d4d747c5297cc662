"""How pyiceberg reads and writes a table's metadata in a store of objects: through the same client, retries and cache as everything else.

Metadata files are written once under names of their own and never changed, so a copy is good for ever: of one that was fetched, and of one that was
written, for whoever commits reads again what was committed.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, cast

from pyiceberg.io import FileIO, InputFile, InputStream, OutputFile, OutputStream

from event_platform.lake.cache import Cache
from event_platform.lake.objects import ObjectStore, object_store
from event_platform.lake.storage import missing, root

if TYPE_CHECKING:
    from types import TracebackType

    from event_platform.environment import Environment

CACHE, CACHE_BYTES = "event-platform.cache", "event-platform.cache-bytes"


def properties(environment: Environment) -> dict[str, str]:
    """What a catalogue must be told so that its tables use this."""
    return {
        "py-io-impl": f"{__name__}.{ObjectFileIO.__name__}",
        CACHE: str(environment.cache),
        CACHE_BYTES: str(environment.cache_bytes),
    }


class ObjectFileIO(FileIO):
    """pyiceberg makes one from the catalogue's properties."""

    def new_input(self, location: str) -> InputFile:
        """An object to read."""
        return _Input(location, self._cache)

    def new_output(self, location: str) -> OutputFile:
        """An object to write."""
        return _Output(location, self._cache)

    def delete(self, location: str | InputFile | OutputFile) -> None:
        """Delete an object."""
        url = location if isinstance(location, str) else location.location
        _store(url).delete([url])

    @property
    def _cache(self) -> Cache:
        return Cache(Path(self.properties[CACHE]), int(self.properties[CACHE_BYTES]))


def _store(url: str) -> ObjectStore:
    return object_store(root(url))


class _Input(InputFile):
    def __init__(self, location: str, cache: Cache) -> None:
        super().__init__(location)
        self._cache = cache

    def __len__(self) -> int:
        return self._path().stat().st_size

    def exists(self) -> bool:
        return _store(self.location).find(self.location) is not None

    def open(self, seekable: bool = True) -> InputStream:  # noqa: ARG002 - a file always can
        return cast("InputStream", self._path().open("rb"))

    def _path(self) -> Path:
        path = self._cache.path(self.location)
        self._cache.fetch([(path, self._fetch)])
        return path

    def _fetch(self, path: Path) -> None:
        if _store(self.location).download(self.location, path) is None:
            raise missing(self.location)


class _Output(OutputFile):
    def __init__(self, location: str, cache: Cache) -> None:
        super().__init__(location)
        self._cache = cache

    def __len__(self) -> int:
        return len(self.to_input_file())

    def exists(self) -> bool:
        return self.to_input_file().exists()

    def to_input_file(self) -> InputFile:
        return _Input(self.location, self._cache)

    def create(self, overwrite: bool = False) -> OutputStream:  # noqa: ARG002 - names are used once, so nothing is ever there
        return cast("OutputStream", _Created(self.location, self._cache))


class _Created(BytesIO):
    """What is written becomes an object when it is closed, unless an error came in between."""

    def __init__(self, url: str, cache: Cache) -> None:
        super().__init__()
        self._url, self._cache = url, cache

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is not None:
            super().close()
        self.close()

    def close(self) -> None:
        if not self.closed:
            content = self.getvalue()
            super().close()
            if not _store(self._url).create(self._url, content):
                raise FileExistsError(self._url)
            self._cache.fetch([(self._cache.path(self._url), lambda path: _write(path, content))])


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
