"""Made-up clicks as clients post them, with an id or without, and some trouble in them.

The clicks are those of `samples.insights`. Every other one carries an id; some are sent again in the next file, and three at the end are broken.
"""

from __future__ import annotations

import json
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING

from event_platform.errors import UsageError
from event_platform.samples.insights import records_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FIRST_DAY = date(2026, 1, 5)
REPEAT_EVERY = 40
BROKEN = (
    '{"username": "user-001", "page": "/", "event_name": "click"}',
    '{"username": "user-001", "page": "/", "event_name": "click", "event_time": "noon"}',
    '{"username": "user-001", "page": "/", "event_na',
)


def write_sample(folder: Path, *, events: int = 3_000, files: int = 3) -> list[Path]:
    """Write so many clicks of one day to `clickstream-1.json` … and give the files; the same arguments give the same bytes.

    Raises UsageError when there is nothing to make.
    """
    if min(events, files) < 1:
        raise UsageError(f"A sample needs at least 1 event and 1 file, not {events} and {files}.")
    lines = list(_lines(events))
    cuts = [events * number // files for number in range(files + 1)]
    parts = [lines[start:stop] for start, stop in pairwise(cuts)]
    repeated = [part[::REPEAT_EVERY] for part in parts]
    for part, again in zip(parts[1:], repeated, strict=False):
        part += again
    parts[-1] += BROKEN
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"clickstream-{number}.json" for number in range(1, files + 1)]
    for path, part in zip(paths, parts, strict=True):
        path.write_text("".join(f"{line}\n" for line in part), encoding="utf-8")
    return paths


def _lines(events: int) -> Iterator[str]:
    for number, record in enumerate(json.loads(records_of(FIRST_DAY, events))):
        yield json.dumps(record | ({"event_id": f"click-{number:06}"} if number % 2 else {}))
