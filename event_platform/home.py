"""Making what is written in the home: where that cannot be, one sentence says why."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from event_platform.errors import ConfigurationError, TransientError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
"""Of a disk, or of what a user may have of it."""


@contextmanager
def written(home: Path) -> Iterator[None]:
    """Raise ConfigurationError when nothing can be written in the home, TransientError when its disk is full."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise TransientError(f"The disk of {home} is full. Make room, then give the same command again.") from error
        raise ConfigurationError(
            f"Nothing can be written in the home {home} ({error.strerror}). "
            "Give yourself the right to write there, or set EVENT_PLATFORM_HOME to another folder."
        ) from error


def made(home: Path, folder: Path | None = None) -> Path:
    """The home, or a folder in it, and those above it, if they are not there. Raises as `written` does."""
    folder = folder or home
    with written(home):
        folder.mkdir(parents=True, exist_ok=True)
    return folder
