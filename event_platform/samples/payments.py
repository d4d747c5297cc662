"""The demo's files: a feed of made-up payment events, and in it what real files bring along.

One line per delivery of an event, as `events` makes them. With trouble, a file each begins with a blank line, tells times in other zones,
holds lines that are no events beside an unknown field, has Windows line ends, is compressed, and ends in the middle of a line.
No good event is lost to the trouble: bad lines come on top.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path

from event_platform.samples.events import FIRST_DAY, Feed

TIME = slice(15, 34)
"""Where the timestamp is in a line."""


def write_sample(
    folder: Path, *, seed: int = 1, events: int = 20_000, days: int = 30, first_day: date = FIRST_DAY, files: int = 6, trouble: bool = True
) -> list[Path]:
    """Write `events` lines to `payments-1.json` …, 5 % of them repeats (see `events`), and give the files in order.

    The same arguments give the same bytes. Raises UsageError when there is nothing to make.
    """
    feed = Feed(events, days, seed, first_day)
    folder.mkdir(parents=True, exist_ok=True)
    files = max(1, min(files, events))
    cuts = [events * number // files for number in range(files + 1)]
    paths = [feed.write(folder / f"payments-{number}.json", *lines) for number, lines in enumerate(pairwise(cuts), 1)]
    return _with_trouble(paths) if trouble else paths


def _with_trouble(paths: list[Path]) -> list[Path]:
    """Each file gets one sort of trouble, or several when the files are few."""
    for number, spoil in enumerate(TROUBLES):
        path = paths[number % len(paths)]
        path.write_bytes(spoil(path.read_bytes()))
    number = len(TROUBLES) % len(paths)
    return [*paths[:number], _compressed(paths[number]), *paths[number + 1 :]]


def _compressed(path: Path) -> Path:
    compressed = path.with_suffix(".json.gz")
    compressed.write_bytes(gzip.compress(path.read_bytes(), compresslevel=6, mtime=0))
    path.unlink()
    return compressed


def _begin_blank(content: bytes) -> bytes:
    return b"\n" + content


def _tell_other_zones(content: bytes) -> bytes:
    """The first lines name the same moments in other zones."""
    lines = content.splitlines(keepends=True)
    for number, hours in enumerate([-3, 5.5, 0][: len(lines)]):
        line = lines[number]
        if line.strip():
            there = datetime.fromisoformat(line[TIME].decode()).replace(tzinfo=UTC).astimezone(timezone(timedelta(hours=hours)))
            lines[number] = line.replace(line[TIME], there.isoformat().encode(), 1)
    return b"".join(lines)


def _add_bad_lines(content: bytes) -> bytes:
    """Lines that are no events, and at the end a good one with a field nobody declared."""
    *lines, last = content.splitlines(keepends=True)
    bad = [
        b"null\n",
        b"[1,2]\n",
        last.replace(b'"event_id"', b'"id"', 1),
        last.replace(b'"event_id": "', b'"event_id": 7, "was": "', 1),
        last.replace(last[TIME], b"2021-02-30T10:00:00", 1),
        last.replace(b'"domain": "', b'"domain": "\0', 1),
    ]
    return b"".join([*lines, *bad, last.replace(b'"domain"', b'"channel": "mobile", "domain"', 1)])


def _end_lines_as_windows(content: bytes) -> bytes:
    return content.replace(b"\n", b"\r\n")


def _end_torn(content: bytes) -> bytes:
    """After the last line its first half comes again."""
    last = content.splitlines()[-1]
    return content + last[: len(last) // 2]


TROUBLES: tuple[Callable[[bytes], bytes], ...] = (_begin_blank, _tell_other_zones, _add_bad_lines, _end_lines_as_windows, _end_torn)
