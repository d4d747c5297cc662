"""A home in which nothing can be written is told in one sentence."""

import errno
from pathlib import Path

import pytest

from event_platform import home
from event_platform.errors import ConfigurationError, TransientError


def test_the_home_and_what_is_above_it_are_made(tmp_path: Path) -> None:
    assert home.made(tmp_path / "a" / "home").is_dir()
    assert home.made(tmp_path / "a" / "home", tmp_path / "a" / "home" / "b" / "c").is_dir()


def test_a_file_in_the_place_of_a_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "home").touch()
    with pytest.raises(ConfigurationError, match="Nothing can be written in the home"):
        home.made(tmp_path / "home", tmp_path / "home" / "dagster")


def test_a_full_disk_passes_and_is_no_matter_of_rights(tmp_path: Path) -> None:
    with pytest.raises(TransientError, match="is full"), home.written(tmp_path):
        raise OSError(errno.ENOSPC, "No space left on device")
