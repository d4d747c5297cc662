"""A disk that fills up while an object is fetched: what it says it has taken only in part is not taken for the whole."""

import resource
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from event_platform.lake import s3
from event_platform.lake.objects import StoredObject

CONTENT = bytes(1_500_000)
TAKEN = 1_200_000
"""In the middle of the last piece, after which nothing more is written that could fail."""


class Given(s3.S3):
    """A store of one object."""

    def pieces(self, url: str, version: str | None, start: int = 0, end: int | None = None) -> Any:  # noqa: ARG002 - there is one version
        end = end or len(CONTENT)
        found = StoredObject(url, end - start, datetime.now(UTC), "1")
        return found, s3._Content(self, found, BytesIO(CONTENT[start:end]), start, end)


@pytest.fixture
def little_room() -> Iterator[None]:
    """Files may become so large; a write that goes beyond is cut there, as on a full disk, and the next one fails."""
    told, limits = signal.signal(signal.SIGXFSZ, signal.SIG_IGN), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (TAKEN, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    signal.signal(signal.SIGXFSZ, told)


@pytest.mark.usefixtures("little_room")
@pytest.mark.parametrize("part_bytes", [s3.PART_BYTES, 1 << 20])
def test_an_object_that_does_not_fit_is_not_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part_bytes: int) -> None:
    monkeypatch.setattr(s3, "PART_BYTES", part_bytes)
    with pytest.raises(OSError, match="too large"):
        Given().download("s3://bucket/key", tmp_path / "copy")
