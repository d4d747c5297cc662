"""A new project: the folder from which a platform of one's own starts, made of the files in `new_project/`."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from event_platform import environment
from event_platform.errors import ConfigurationError, UsageError

RENAMED = {"gitignore": ".gitignore"}
"""Files that would mean something where they lie here."""

PASSED_OVER = {".git"}
"""What a new project may find in its folder."""


def start_project(folder: Path) -> list[Path]:
    """Write a new project into a folder that is empty or not there yet; give its files, relative to the folder.

    Raises UsageError when something is there already, and ConfigurationError when nothing can be written there or its path could be no home.
    Nothing is ever overwritten.
    """
    folder = folder.expanduser().resolve()
    environment.require_sound_home(folder)
    files = dict(_files(folder.name))
    try:
        _require_empty(folder)
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
    except OSError as error:
        raise ConfigurationError(f"No project can be made in {folder} ({error.strerror}). Give yourself the right, or name another.") from error
    return sorted(files)


def _require_empty(folder: Path) -> None:
    if not folder.exists():
        return
    if not folder.is_dir():
        raise UsageError(f"{folder} is a file. Nothing was written; name a folder that is not there yet.")
    if there := sorted({path.name for path in folder.iterdir()} - PASSED_OVER):
        more = f" and {len(there) - 1} more" if len(there) > 1 else ""
        raise UsageError(f"{folder} is not empty: {there[0]}{more}. Nothing was written; name a folder that is not there yet, or empty this one.")


def _files(project: str) -> Iterator[tuple[Path, str]]:
    """Path within the project, and text, of each file."""
    for path in environment.NEW_PROJECT.rglob("*"):
        if path.is_file() and path.suffix != ".pyc":
            text = path.read_text(encoding="utf-8").replace("{name}", project).replace("{version}", version("event-platform"))
            yield path.relative_to(environment.NEW_PROJECT).with_name(RENAMED.get(path.name, path.name)), text
