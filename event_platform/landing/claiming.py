"""Claiming: pending files move to the archive and enter the ledger, each once.

The move comes first and the ledger's commit second; a file that a dead attempt moved but did not enter is adopted by the next claim, under the id that is
part of its archived name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from threading import Event
from typing import TYPE_CHECKING

from event_platform import partitions, tables
from event_platform.landing import ledger, queue
from event_platform.trusted.dates import day_of

if TYPE_CHECKING:
    import duckdb

    from event_platform.lake.catalog import Lake
    from event_platform.landing.ledger import LandedFile
    from event_platform.sources.contract import Source


def claim_pending(lake: Lake, source: Source, duck: duckdb.DuckDBPyConnection, run_id: str) -> list[LandedFile]:
    """Claim every settled pending file and adopt what a dead claim left behind; give the files entered in the ledger."""
    with lake.writing(f"landing.{source.name}"):
        last_day, last_id, known = _last_entries(lake, source, duck)
        adopted = queue.adopt(lake.environment, source, last_day, known)
        next_id = max([last_id, *(file.file_id for file in adopted)], default=0) + 1
        claimed = queue.claim(lake.environment, source, partitions.today(), next_id)
        files = [_entry(file, run_id) for file in (*adopted, *claimed.files)]
        return ledger.enter(lake, source, duck, files, run_id)


def has_pending_files(lake: Lake, source: Source) -> bool:
    """Whether a file waits that can be claimed now."""
    return bool(queue.pending(lake.environment, source).ready)


def count_pending(lake: Lake, source: Source) -> int:
    """Files in pending/, settled or not."""
    found = queue.pending(lake.environment, source)
    return len(found.ready) + len(found.settling)


def _entry(file: queue.Claimed, run_id: str) -> LandedFile:
    return ledger.LandedFile(
        landing_date=file.landing_date,
        landing_file=file.landing_file,
        file_id=file.file_id,
        original_name=file.original_name,
        bytes=file.bytes,
        sha256=file.sha256,
        lines=file.lines,
        blank_lines=file.blank_lines,
        unreadable=file.unreadable,
        careful=file.careful,
        duplicate_of=None,
        claimed_at=file.claimed_at,
        run_id=run_id,
    )


def _last_entries(lake: Lake, source: Source, duck: duckdb.DuckDBPyConnection) -> tuple[date, int, set[str]]:
    """The last landing date and file id in the ledger, and the archived names it knows from that date on."""
    days = [day_of(value) for value in lake.open(tables.ledger(source)).partitions("landing_date")]
    if not days:
        return date.min, 0, set()
    files = ledger.read(lake, source, duck, f"landing_date >= DATE '{max(days)}'")
    return max(days), max(file.file_id for file in files), {file.landing_file for file in files}
