"""The files that all peers read: `python -m benchmarks.data FOLDER LINES DAYS` makes them once and reads them into the page cache.

Runs as a process of its own, see `measure`.
"""

import sys
from datetime import date
from pathlib import Path

from event_platform.samples.events import Feed

FIRST_DAY = date(2025, 1, 1)
"""A year of days from here is past: no event is too early."""

MADE = "made"
"""Stands beside the files when all are there."""


def folder(cache: Path, lines: int, days: int) -> Path:
    """Where a feed of that size is kept."""
    return cache / f"events-{lines}-{days}-days" / "files"


def make(files: Path, lines: int, days: int) -> None:
    """Write the feed unless it is there whole."""
    made = files.parent / MADE
    if made.exists():
        return
    for path in Feed(lines, days, first_day=FIRST_DAY).write_files(files):
        print(f"  {path.name}: {path.stat().st_size / 1e6:,.0f} MB", file=sys.stderr)
    made.touch()


def warm(files: Path) -> None:
    """Read every file, so that the first peer finds them as the second does."""
    for path in sorted(files.iterdir()):
        with path.open("rb", buffering=0) as file:
            while file.read(1 << 20):
                pass


if __name__ == "__main__":
    make(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
    warm(Path(sys.argv[1]))
