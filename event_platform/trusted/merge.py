"""Merging staged events into trusted.

The latest version of an event is the one with the greatest timestamp; ties go to the later landed file, then to the later line.
Taking the latest is commutative, associative and idempotent, so arrivals may be merged in any order and any number of times.

Two ways in, one way through. An *arrival* brings new stage rows: only the trusted files that hold an older version of one of its events
are rewritten. A *replacement* (a backfill, a reprocessing) derives whole event dates anew from stage, keeping trusted rows
whose landing date has been erased from stage. Both make a pool of rows, find the versions in it that lose, and write the rest.
Dates past trusted's retention are left out of either: what is staged of them is never merged (`expiry`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from event_platform import tables
from event_platform.engines.spark import Spark
from event_platform.engines.spelling import in_dates
from event_platform.lake.conflicts import starts_anew
from event_platform.lake.retention import EXPIRED
from event_platform.lake.table import Change, Kind, day_of
from event_platform.lake.write import write
from event_platform.stage import seen
from event_platform.trusted.dates import dates_held, event_date_of, files_of_dates
from event_platform.trusted.expiry import expired_by_date, first_kept

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile

    from event_platform.engines.engine import Engine
    from event_platform.lake.catalog import Lake
    from event_platform.lake.table import LakeTable
    from event_platform.sources.contract import Source


PLACE = "file_id, line_number"
"""What tells one staged line from every other."""


ROWS_AT_ONCE = 2_000_000
"""Rows of a pool written in one go: at 300 bytes a row well within the memory limit."""


@dataclass
class Merge:
    """The tables a merge of one source works on, and the connection it works with."""

    source: Source
    engine: Engine
    stage: LakeTable
    trusted: LakeTable
    seen: LakeTable
    run_id: str


@starts_anew
def merge_pending(lake: Lake, source: Source, engine: Engine, run_id: str) -> frozenset[date]:
    """Take in everything staged since the last merge; give the event dates whose rows changed. Nothing pending: no dates."""
    with lake.writing(f"trusted.{source.name}"):
        merge = _opened(lake, source, engine, run_id)
        changes = merge.stage.changes_for(merge.trusted)
        if not changes:
            return frozenset()
        if not merge.stage.knows_since(merge.trusted.consumed(merge.stage.declared.name)):
            return _replace_dates(merge, _all_dates(merge), frozenset(), consumed=changes[-1].sequence)
        if all(change.kind == "arrival" for change in changes):
            return _merge_arrivals(merge, changes)
        dates = frozenset[date]().union(*(change.dates for change in changes))
        replaced = frozenset[date]().union(*(change.landing_dates for change in changes))
        return _replace_dates(merge, dates, replaced, consumed=changes[-1].sequence)


@starts_anew
def rebuild_dates(lake: Lake, source: Source, engine: Engine, run_id: str, dates: Iterable[date]) -> frozenset[date]:
    """Derive whole event dates anew from stage; give the dates rewritten. Dates without data stay as they are."""
    merge_pending(lake, source, engine, run_id)
    with lake.writing(f"trusted.{source.name}"):
        return _replace_dates(_opened(lake, source, engine, run_id), frozenset(dates), frozenset())


def _opened(lake: Lake, source: Source, engine: Engine, run_id: str) -> Merge:
    trusted, index, stage = (lake.open(declare(source)) for declare in (tables.trusted, tables.seen, tables.stage))
    seen.keep_current(engine, index, stage, trusted, source.event_id, run_id)
    return Merge(source, engine, stage, trusted, index, run_id)


def _all_dates(merge: Merge) -> frozenset[date]:
    staged = merge.engine.execute(f"SELECT DISTINCT event_date FROM ({merge.stage.select()})").fetchall()
    return dates_held(merge.trusted).union(day for (day,) in staged)


def _merge_arrivals(merge: Merge, changes: Sequence[Change]) -> frozenset[date]:
    """Merge the stage rows that the arrivals brought; rewrite only the trusted files that hold versions which they outdate."""
    first, last = min(change.first_file_id for change in changes), max(change.last_file_id for change in changes)
    kept = f"event_date >= DATE '{first_kept(merge.trusted)}'"
    arrived = f"{merge.stage.select(merge.stage.files_between(first, last))} WHERE file_id BETWEEN {first} AND {last} AND {kept}"
    seen_before = seen.dates_of(merge.engine, merge.seen, arrived, merge.source.event_id)
    seen.remember(merge.engine, merge.seen, arrived, merge.source.event_id, merge.run_id)
    rivals = _files_holding(merge, files_of_dates(merge.trusted, seen_before), arrived, _id(merge))
    _find_losers(merge, arrived, merge.trusted.select(rivals))
    outdated = _files_holding(merge, rivals, "SELECT * FROM losers", PLACE)
    added = _write_winners(merge, _union(merge, _with_levels(arrived), merge.trusted.select(outdated)))
    return _commit(merge, "arrival", added, outdated, changes[-1].sequence)


def _replace_dates(merge: Merge, dates: frozenset[date], replaced: frozenset[date], consumed: int | None = None) -> frozenset[date]:
    """Derive the dates anew; a date elsewhere that turns out to hold an older version of one of their events is derived anew too."""
    dates = frozenset(day for day in dates if day >= first_kept(merge.trusted))
    while True:
        pool = _pool_of_dates(merge, dates, replaced)
        elsewhere = seen.dates_of(merge.engine, merge.seen, pool, merge.source.event_id) - dates
        rivals = merge.trusted.select(files_of_dates(merge.trusted, elsewhere))
        _find_losers(merge, pool, f"SELECT * FROM ({rivals}) SEMI JOIN ({pool}) USING ({_id(merge)})")
        outdone = merge.engine.execute(f"SELECT DISTINCT event_date FROM ({rivals}) SEMI JOIN losers USING ({PLACE})").fetchall()
        if not outdone:
            break
        dates |= {day for (day,) in outdone}
    if consumed is not None:
        seen.remember(merge.engine, merge.seen, pool, merge.source.event_id, merge.run_id)
    return _commit(merge, "replacement", _write_winners(merge, pool), files_of_dates(merge.trusted, dates), consumed, replaced)


def _pool_of_dates(merge: Merge, dates: frozenset[date], replaced: frozenset[date]) -> str:
    """All stage rows of the event dates, and the trusted rows of these dates that stage no longer has (its retention erased them)."""
    present = {day_of(value) for value in merge.stage.partitions("landing_date")} | replaced
    staged = f"{merge.stage.select(_stage_files_of_dates(merge.stage, dates))} WHERE {in_dates('event_date', dates)}"
    kept = f"{merge.trusted.select(files_of_dates(merge.trusted, dates))} WHERE NOT {in_dates('landing_date', present)}"
    return _union(merge, _with_levels(staged), kept)


def _find_losers(merge: Merge, *pools: str) -> None:
    """Fill the table `losers` with the place (file, line) of each version that another version in the pools outdates.

    The hash narrows it to the few events that are there more than once, so that the ordering is of those alone.
    """
    event_id, timestamp = _id(merge), f'"{merge.source.timestamp}"'
    versions = " UNION ALL ".join(f"SELECT {event_id}, {timestamp}, file_id, line_number FROM ({pool})" for pool in pools)
    merge.engine.execute(f"""
        CREATE OR REPLACE TEMP TABLE rivalled AS
        SELECT hash({event_id}) AS event_key FROM ({versions}) GROUP BY event_key HAVING count(*) > 1""")
    merge.engine.execute(f"""
        CREATE OR REPLACE TEMP TABLE losers AS
        SELECT file_id, line_number
        FROM (SELECT DISTINCT *, hash({event_id}) AS event_key FROM ({versions}) SEMI JOIN rivalled ON rivalled.event_key = hash({event_id}))
        QUALIFY row_number() OVER (PARTITION BY {event_id} ORDER BY {timestamp} DESC, file_id DESC, line_number DESC) > 1""")


def _write_winners(merge: Merge, pool: str) -> list[DataFile]:
    """Write the rows of the pool that no other outdates, some dates at a time: DuckDB keeps a partition it has begun in memory until the end."""
    winners = f"SELECT * FROM ({pool}) ANTI JOIN losers USING ({PLACE})"
    if isinstance(merge.engine, Spark):
        return write(merge.engine, merge.trusted, winners)
    counts = merge.engine.execute(f"SELECT event_date, count(*) FROM ({pool}) GROUP BY event_date ORDER BY event_date").fetchall()
    written: list[DataFile] = []
    for first, last in _slices(counts):
        written += write(merge.engine, merge.trusted, f"{winners} WHERE event_date BETWEEN DATE '{first}' AND DATE '{last}'")
    return written


def _slices(counts: Sequence[tuple[date, int]]) -> Iterable[tuple[date, date]]:
    """First and last of runs of dates that have about ROWS_AT_ONCE rows together; a date is never cut."""
    begun, rows = None, 0
    for day, (_, count) in enumerate(counts):
        begun = day if begun is None else begun
        rows += count
        if rows >= ROWS_AT_ONCE or day == len(counts) - 1:
            yield counts[begun][0], counts[day][0]
            begun, rows = None, 0


def _files_holding(merge: Merge, candidates: Sequence[DataFile], wanted: str, key: str) -> list[DataFile]:
    """Those of the trusted files that hold a row whose key is among the wanted rows' keys."""
    if not candidates:
        return []
    held = merge.trusted.select(candidates, extra=", filename")
    hit = {path for (path,) in merge.engine.execute(f"SELECT DISTINCT filename FROM ({held}) SEMI JOIN ({wanted}) USING ({key})").fetchall()}
    return [file for file, path in zip(candidates, merge.trusted.paths(candidates), strict=True) if path in hit]


def _commit(
    merge: Merge, kind: Kind, added: list[DataFile], removed: list[DataFile], consumed: int | None, replaced: frozenset[date] = frozenset()
) -> frozenset[date]:
    touched = frozenset(event_date_of(merge.trusted, file) for file in (*added, *removed))
    upstream = {} if consumed is None else {merge.stage.declared.name: consumed}
    expired = expired_by_date(merge.trusted)
    notes = {EXPIRED: {str(day): rows for day, rows in expired.items() if day not in replaced}} if expired.keys() & replaced else {}
    merge.trusted.commit(Change(kind, dates=touched), merge.run_id, added=added, removed=removed, consumed=upstream, notes=notes)
    return touched


def _stage_files_of_dates(stage: LakeTable, dates: frozenset[date]) -> list[DataFile]:
    return stage.files(f"event_date >= '{min(dates)}' and event_date <= '{max(dates)}'") if dates else []


def _with_levels(staged: str) -> str:
    return f"SELECT *, year(event_date) AS year, month(event_date) AS month, day(event_date) AS day FROM ({staged})"


def _union(merge: Merge, *selects: str) -> str:
    return " UNION ALL ".join(f"(SELECT {merge.trusted.declared.select_list} FROM ({select}))" for select in selects)


def _id(merge: Merge) -> str:
    return f'"{merge.source.event_id}"'
