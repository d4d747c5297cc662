"""Claiming: pending files move to the archive and enter the ledger, each once.

The move comes first and the ledger's commit second; a file that a dead attempt moved but did not enter is adopted by the next claim,
under the id that is part of its archived name. In a store of objects a claim is written down before it moves anything (`object_queue.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from time import monotonic, sleep
from typing import TYPE_CHECKING, NamedTuple

from event_platform import partitions, tables
from event_platform.lake.conflicts import starts_anew
from event_platform.landing import ledger, queue, segments
from event_platform.landing.archive import at_hand
from event_platform.landing.claims import Claimed
from event_platform.landing.inspect import are_read_again, as_records
from event_platform.landing.object_queue import ObjectQueue
from event_platform.landing.repeated_offsets import mark_repeated_offsets
from event_platform.landing.topic_files import offsets_in
from event_platform.landing.waiting import pending_folder
from event_platform.soundness import require_sound

if TYPE_CHECKING:
    import duckdb

    from event_platform.lake.catalog import Lake
    from event_platform.lake.table import LakeTable
    from event_platform.landing.inspect import Inspection
    from event_platform.landing.ledger import LandedFile
    from event_platform.sources.contract import Source


@starts_anew
def claim_pending(lake: Lake, source: Source, duck: duckdb.DuckDBPyConnection, run_id: str) -> list[LandedFile]:
    """Claim every settled pending file and adopt what a dead claim left behind; give the files entered in the ledger.

    Raises, before anything is claimed, ConfigurationError when the contract's SQL cannot be computed and PermanentError when a column of it has
    another type than in a table that is there.
    """
    require_sound(source, duck)
    with lake.writing(f"landing.{source.name}"):
        table, last_now = lake.open(tables.ledger(source)), partial(_last_entered, lake, source)
        _require_as_declared(lake, source)
        adopted = queue.adopt(lake.environment, source, last_now, table.identity)
        entered = _enter(lake, source, duck, table, adopted, run_id) if adopted else []
        claimed = queue.claim(lake.environment, source, partitions.today(), table.last_file_id + 1, claimer=table.identity, last_entered=last_now)
        return entered + _enter(lake, source, duck, table, claimed, run_id)


def _require_as_declared(lake: Lake, source: Source) -> None:
    for declared in (tables.stage(source), tables.trusted(source)):
        if lake.exists(declared):
            lake.open(declared)


def _enter(lake: Lake, source: Source, duck: duckdb.DuckDBPyConnection, table: LakeTable, files: Iterable[Claimed], run_id: str) -> list[LandedFile]:
    """Enter files in the ledger as it was before they were claimed, which is what makes the claim of them true. Raises ConflictError."""
    claimed = list(files)
    with at_hand(lake.environment, source, [file.landing_file for file in claimed] if are_read_again(source.format) else []) as archive:
        found = [as_records(file.inspection, archive / file.landing_file, source.format, duck) for file in claimed]
    entries = [_entry(*each, run_id) for each in zip(claimed, found, strict=True)]
    entered = ledger.enter(table, source, duck, mark_repeated_offsets(lake, source, duck, table, entries), run_id)
    queue.release(lake.environment, source, table.identity, claimed)
    return entered


def count_pending(lake: Lake, source: Source) -> int:
    """Files in pending/ that will be taken: settled or not, or held open by a program that writes."""
    if lake.environment.lake_url:
        return ObjectQueue(lake.environment, source).count()
    found = queue.pending(lake.environment, source)
    return len(found.ready) + len(found.settling) + len(found.writing)


def wait_for_files(lake: Lake, source: Source, seconds: float) -> bool:
    """Wait until a pending file can be claimed, at most so long; whether there is one. Files still settling are waited for."""
    deadline = monotonic() + seconds
    while not (waiting := _look(lake, source)).ready:
        left = deadline - monotonic()
        if left <= 0:
            return False
        _wait_for_change(lake, source, min(left, _settle_seconds(lake) if waiting.settling else left))
    return True


def has_pending_files(lake: Lake, source: Source) -> bool:
    """Whether a file can be claimed, now or once the files there have settled, or a dead claim left one behind, or a dead collector."""
    segments.recover(lake.environment, source)
    waiting = _look(lake, source)
    if waiting.ready or queue.left_behind(lake.environment, source, _last_entered(lake, source), _claimer(lake, source)):
        return True
    return waiting.settling and wait_for_files(lake, source, 2 * _settle_seconds(lake))


class _Waiting(NamedTuple):
    ready: bool
    settling: bool


def _look(lake: Lake, source: Source) -> _Waiting:
    """Whether files can be claimed, and whether there are some that will be in a moment."""
    if lake.environment.lake_url:
        return _Waiting(ObjectQueue(lake.environment, source).has_ready(_claimer(lake, source)), settling=False)
    found = queue.pending(lake.environment, source)
    return _Waiting(bool(found.ready), bool(found.settling))


def _settle_seconds(lake: Lake) -> float:
    return lake.environment.settle.total_seconds() + 0.05


def _wait_for_change(lake: Lake, source: Source, seconds: float) -> None:
    """Return when something happens in pending/, or after so long; a store of objects cannot tell, and is asked again after a while."""
    if lake.environment.lake_url:
        sleep(min(seconds, lake.environment.poll.total_seconds()))
        return
    from watchfiles import watch

    folder = pending_folder(lake.environment, source)
    folder.mkdir(parents=True, exist_ok=True)
    next(watch(folder, debounce=50, step=20, rust_timeout=max(1, int(seconds * 1000)), yield_on_timeout=True), None)


def _entry(file: Claimed, found: Inspection, run_id: str) -> LandedFile:
    offsets = offsets_in(file.original_name)
    of_topic = offsets if offsets and offsets.lines == found.lines else None  # whatever else is called so is an ordinary file
    return ledger.LandedFile(
        landing_date=file.landing_date,
        landing_file=file.landing_file,
        file_id=file.file_id,
        original_name=file.original_name,
        **vars(found),
        duplicate_of=None,
        claimed_at=file.claimed_at,
        run_id=run_id,
        kafka_topic=of_topic and of_topic.topic,
        kafka_topic_id=of_topic and of_topic.topic_id,
        kafka_partition=of_topic and of_topic.partition,
        first_offset=of_topic and of_topic.first,
        last_offset=of_topic and of_topic.last,
    )


def _claimer(lake: Lake, source: Source) -> str:
    """For which ledger files are claimed; empty before there is one."""
    table = tables.ledger(source)
    return lake.open(table).identity if lake.exists(table) else ""


def _last_entered(lake: Lake, source: Source) -> int:
    """Greatest file id in the ledger. Ids grow from claim to claim, so an archived file with a greater one is not entered yet."""
    table = tables.ledger(source)
    return lake.open(table).last_file_id if lake.exists(table) else 0
