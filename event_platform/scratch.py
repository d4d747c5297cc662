"""Folders in the home's scratch folder that last as long as the block that made them; those of killed processes go with the next `sweep`."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from event_platform import home
from event_platform.environment import Environment

NEW_SECONDS = 60
"""How long a folder may exist before the process that made it has locked it."""


@contextmanager
def passing_folder(scratch: Path, prefix: str) -> Iterator[Path]:
    """A folder of its own, in use until the block ends; then it is gone with all that is left in it.

    Raises as `home.written` does.
    """
    with home.written(scratch.parent):
        scratch.mkdir(parents=True, exist_ok=True)
        made = TemporaryDirectory(prefix=prefix, dir=scratch, ignore_cleanup_errors=True)
    with made as folder, _opened(Path(folder)) as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)  # it goes with the process, however that ends
        yield Path(folder)


def sweep(environment: Environment) -> int:
    """Remove the folders of processes that are no more; how many there were."""
    swept = 0
    for folder in environment.scratch.iterdir() if environment.scratch.is_dir() else ():
        with suppress(FileNotFoundError):  # its process has just ended, and took it along
            if folder.is_dir() and folder != environment.cache and time.time() - folder.stat().st_ctime > NEW_SECONDS:
                with _opened(folder) as handle:
                    swept += _removed(folder, handle)
    return swept


def _removed(folder: Path, handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    shutil.rmtree(folder, ignore_errors=True)
    return True


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    handle = os.open(folder, os.O_RDONLY)
    try:
        yield handle
    finally:
        os.close(handle)
