"""A file that is put in the place of another is whole, or the other is still there."""

import errno
import os
from pathlib import Path

import pytest

from event_platform.lake import files


@pytest.mark.parametrize("durable", [True, False])
def test_what_is_written_takes_the_place_of_what_was_there(tmp_path: Path, durable: bool) -> None:
    (tmp_path / "a").write_text("old")
    files.write_whole(tmp_path / "a", "new", durable=durable)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "new"}


def test_what_cannot_be_written_leaves_what_was_there_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "a").write_text("old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        files.write_whole(tmp_path / "a", "new")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "old"}


def test_what_is_private_is_its_owners_alone(tmp_path: Path) -> None:
    files.write_private(tmp_path / "a", "salt")
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600
