"""Claiming: pending files move to the archive and enter the ledger, each once.

The move comes first and the ledger's commit second; a file that a dead attempt moved but did not enter is adopted by the next claim,
under the id that is part of its archived name.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from event_platform import partitions, tables
from event_platform.lake.conflicts import starts_anew
from event_platform.landing import ledger, queue
from event_platform.landing.inspect import as_records

if TYPE_CHECKING:
    import duckdb

    from event_platform.lake.catalog import Lake
    from event_platform.landing.ledger import LandedFile
    from event_platform.sources.contract import Source


@starts_anew
def claim_pending(lake: Lake, source: Source, duck: duckdb.DuckDBPyConnection, run_id: str) -> list[LandedFile]:
    """Claim every settled pending file and adopt what a dead claim left behind; give the files entered in the ledger."""
    with lake.writing(f"landing.{source.name}"):
        last_id = _last_entered(lake, source)
        adopted = queue.adopt(lake.environment, source, last_id)
        next_id = max([last_id, *(file.file_id for file in adopted)]) + 1
        claimed = queue.claim(lake.environment, source, partitions.today(), next_id)
        return ledger.enter(lake, source, duck, [_entry(lake, source, duck, file, run_id) for file in (*adopted, *claimed)], run_id)


def count_pending(lake: Lake, source: Source) -> int:
    """Files in pending/ that will be taken: settled or not, or held open by a program that writes."""
    found = queue.pending(lake.environment, source)
    return len(found.ready) + len(found.settling) + len(found.writing)


def wait_for_files(lake: Lake, source: Source, seconds: float) -> bool:
    """Wait until a pending file can be claimed, at most so long; whether there is one. Files still settling are waited for."""
    deadline = monotonic() + seconds
    while not (found := queue.pending(lake.environment, source)).ready:
        left = deadline - monotonic()
        if left <= 0:
            return False
        _wait_for_change(lake, source, min(left, _settle_seconds(lake) if found.settling else left))
    return True


def has_pending_files(lake: Lake, source: Source) -> bool:
    """Whether a file can be claimed, now or once the files there have settled, or a dead claim left one behind."""
    found = queue.pending(lake.environment, source)
    if found.ready or queue.archived_after(lake.environment, source, _last_entered(lake, source)):
        return True
    return bool(found.settling) and wait_for_files(lake, source, 2 * _settle_seconds(lake))


def _settle_seconds(lake: Lake) -> float:
    return lake.environment.settle.total_seconds() + 0.05


def _wait_for_change(lake: Lake, source: Source, seconds: float) -> None:
    """Return when something happens in pending/, or after so long."""
    from watchfiles import watch

    folder = queue.pending_folder(lake.environment, source)
    folder.mkdir(parents=True, exist_ok=True)
    next(watch(folder, debounce=50, step=20, rust_timeout=max(1, int(seconds * 1000)), yield_on_timeout=True), None)


def _entry(lake: Lake, source: Source, duck: duckdb.DuckDBPyConnection, file: queue.Claimed, run_id: str) -> LandedFile:
    path = queue.archive_folder(lake.environment, source) / file.landing_file
    found = as_records(file.inspection, path, source.format, duck)
    return ledger.LandedFile(
        landing_date=file.landing_date,
        landing_file=file.landing_file,
        file_id=file.file_id,
        original_name=file.original_name,
        bytes=found.bytes,
        sha256=found.sha256,
        lines=found.lines,
        blank_lines=found.blank_lines,
        unreadable=found.unreadable,
        careful=found.careful,
        compression=found.compression,
        duplicate_of=None,
        claimed_at=file.claimed_at,
        run_id=run_id,
    )


def _last_entered(lake: Lake, source: Source) -> int:
    """Greatest file id in the ledger. Ids grow from claim to claim, so an archived file with a greater one is not entered yet."""
    table = tables.ledger(source)
    return lake.open(table).last_file_id if lake.exists(table) else 0
