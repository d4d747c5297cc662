"""The files that a person lands: which ones a path stands for, and the name that each gets in pending/."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path

from event_platform.errors import PermanentError, UsageError
from event_platform.lake import files
from event_platform.lake.files import shown
from event_platform.landing.names import finished_name, is_unfinished

_log = logging.getLogger(__name__)


def originals(paths: Iterable[Path]) -> Iterator[tuple[Path, str]]:
    """Each file to land with the name it gets."""
    for path in paths:
        if path.is_dir():
            yield from _within(path)
        elif path.is_file():
            _require_readable(path)
            yield path, finished_name(path.name)
        elif path.exists():
            raise UsageError(f"{shown(str(path))} is neither a file nor a folder. Save what it gives to a file, then land that.")
        else:
            raise UsageError(f"{shown(str(path))} is not there. Nothing was landed; check the path.")


def _within(folder: Path) -> Iterator[tuple[Path, str]]:
    _require_readable(folder)
    for entry in files.walk(folder):
        path = Path(entry.path)
        parts = path.relative_to(folder).parts
        if entry.is_dir(follow_symlinks=False):
            _require_readable(path)
        elif not entry.is_file(follow_symlinks=False):
            _log.warning("%s is left out: it is %s", shown(str(path)), "a link" if entry.is_symlink() else "not a regular file")
        elif any(map(is_unfinished, parts)):
            _log.warning("%s is left out: its name is that of a hidden or unfinished file", shown(str(path)))
        else:
            _require_readable(path)
            yield path, finished_name("-".join(parts))


def _require_readable(path: Path) -> None:
    if not files.is_readable(path):
        raise PermanentError(f"{shown(str(path))} cannot be read by this user. Give the right to read it, then give the same command again.")
