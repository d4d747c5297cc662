"""From the ledger to stage and quarantine: every line of every landed file goes to one of them, once.

Quarantine is committed before stage, and stage's commit is what marks the files as done. A retry retires what a dead attempt left in
quarantine for the same files, so no line is there twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from event_platform import tables
from event_platform.lake.conflicts import starts_anew
from event_platform.lake.table import Change, day_of
from event_platform.lake.write import write
from event_platform.landing import ledger
from event_platform.landing.archive import at_hand
from event_platform.landing.corrections import corrections_of
from event_platform.stage import seen
from event_platform.stage.parse import parse

if TYPE_CHECKING:
    import duckdb
    from pyiceberg.manifest import DataFile

    from event_platform.lake.catalog import Lake
    from event_platform.lake.table import LakeTable
    from event_platform.landing.ledger import LandedFile
    from event_platform.sources.contract import Source

REPARSING = "reparsing"
"""Note on a stage table: the landing dates that are being parsed anew, so that a crash in the middle is finished by the next run."""


@dataclass(frozen=True)
class Staged:
    """What a staging did: the files it parsed, and the event dates whose staged rows changed."""

    files: tuple[LandedFile, ...] = ()
    landing_dates: frozenset[date] = frozenset()
    event_dates: frozenset[date] = frozenset()


@starts_anew
def stage_pending(lake: Lake, source: Source, duck: duckdb.DuckDBPyConnection, run_id: str) -> Staged:
    """Parse every file in the ledger that is not parsed yet, then finish a reparse that was cut short."""
    with lake.writing(f"stage.{source.name}"):
        arrived = _parse_arrivals(lake, source, duck, run_id)
        noted = lake.open(tables.stage(source)).note(REPARSING).get("landing_dates", ())
        interrupted = frozenset(date.fromisoformat(str(day)) for day in noted)  # type: ignore[attr-defined]
        redone = _reparse(lake, source, duck, run_id, interrupted) if interrupted else Staged()
        return Staged(redone.files + arrived.files, redone.landing_dates | arrived.landing_dates, redone.event_dates | arrived.event_dates)


@starts_anew
def reparse(
    lake: Lake, source: Source, duck: duckdb.DuckDBPyConnection, run_id: str, landing_dates: Iterable[date], only_changes: bool = False
) -> Staged:
    """Parse the archive of the landing dates anew; dates on which nothing landed stay as they are.

    Files are looked at again first, so one that was mended in the archive counts as it is now; if that makes a file elsewhere no longer the
    repeat of another, its date is parsed too. The event dates touched are all those of the rows before and after, or with `only_changes`
    those of rows that came out otherwise. Raises PermanentError, before anything is changed, when the archive lacks a file.
    """
    stage_pending(lake, source, duck, run_id)
    with lake.writing(f"stage.{source.name}"):
        return _reparse(lake, source, duck, run_id, frozenset(landing_dates) & landed_dates(lake, source), only_changes)


def landed_dates(lake: Lake, source: Source) -> frozenset[date]:
    """The landing dates on which files were claimed."""
    return frozenset(day_of(value) for value in lake.open(tables.ledger(source)).partitions("landing_date"))


def quarantined_dates(lake: Lake, source: Source) -> frozenset[date]:
    """The landing dates of which lines are in quarantine."""
    return frozenset(day_of(value) for value in lake.open(tables.quarantine(source)).partitions("landing_date"))


def _parse_arrivals(lake: Lake, source: Source, duck: duckdb.DuckDBPyConnection, run_id: str) -> Staged:
    quarantine, stage, landed = (lake.open(declare(source)) for declare in (tables.quarantine, tables.stage, tables.ledger))
    changes = landed.changes_since(stage.consumed(landed.declared.name))
    if not changes:
        return Staged()
    first, last = min(change.first_file_id for change in changes), max(change.last_file_id for change in changes)
    files = ledger.read(lake, source, duck, f"file_id BETWEEN {first} AND {last}")
    left_over = [file for file in quarantine.files() if quarantine.file_ids(file)[0] >= first]
    staged, quarantined = _parse(lake, source, duck, files, stage, quarantine)
    event_dates = _event_dates(stage, staged, duck)
    landing_dates = frozenset(file.landing_date for file in files)
    change = Change("arrival", event_dates, landing_dates, first, last)
    quarantine.commit(change, run_id, added=quarantined, removed=left_over)
    stage.commit(change, run_id, added=staged, consumed={landed.declared.name: changes[-1].sequence})
    return Staged(tuple(files), landing_dates, event_dates)


def _reparse(
    lake: Lake, source: Source, duck: duckdb.DuckDBPyConnection, run_id: str, landing_dates: frozenset[date], only_changes: bool = False
) -> Staged:
    if not landing_dates:
        return Staged()
    quarantine, stage = lake.open(tables.quarantine(source)), lake.open(tables.stage(source))
    corrections = corrections_of(lake, source, duck, _taken(lake, source, duck, stage, landing_dates))
    landing_dates |= {file.landing_date for file in corrections}
    stage.commit(Change("upkeep"), run_id, notes={REPARSING: {"landing_dates": sorted(day.isoformat() for day in landing_dates)}})
    ledger.correct(lake, source, duck, corrections, run_id)
    files = _taken(lake, source, duck, stage, landing_dates)
    staged, quarantined = _parse(lake, source, duck, files, stage, quarantine)
    replaced = [file for file in stage.files() if day_of(file.partition[0]) in landing_dates]
    event_dates = _dates_touched(lake, source, duck, stage.select(replaced), stage.select(staged), only_changes)
    change = Change("replacement", event_dates, landing_dates)
    quarantine.commit(change, run_id, quarantined, [file for file in quarantine.files() if day_of(file.partition[0]) in landing_dates])
    erased = {day: counts for day, counts in stage.note("erased").items() if date.fromisoformat(day) not in landing_dates}
    stage.commit(change, run_id, staged, replaced, notes={REPARSING: {}, "erased": erased})
    return Staged(tuple(files), landing_dates, event_dates)


def _taken(lake: Lake, source: Source, duck: duckdb.DuckDBPyConnection, stage: LakeTable, landing_dates: Iterable[date]) -> list[LandedFile]:
    """The files of the landing dates that stage has taken in; what was claimed since belongs to the next arrival, and to it alone."""
    untaken = ledger.first_untaken(lake, source, stage)
    listed = ", ".join(f"DATE '{day}'" for day in sorted(landing_dates))
    return ledger.read(lake, source, duck, f"landing_date IN ({listed}) AND file_id < {untaken}")


def _dates_touched(lake: Lake, source: Source, duck: duckdb.DuckDBPyConnection, before: str, after: str, only_changes: bool) -> frozenset[date]:
    """The event dates of the touched rows, and those where another version of their events may surface again."""
    touched = f"({before} EXCEPT {after}) UNION ALL ({after} EXCEPT {before})" if only_changes else f"{before} UNION ALL {after}"
    found = duck.execute(f"SELECT DISTINCT event_date FROM ({touched})").fetchall()
    return frozenset(day for (day,) in found) | seen.dates_of(duck, lake.open(tables.seen(source)), touched, source.event_id)


def _parse(
    lake: Lake, source: Source, duck: duckdb.DuckDBPyConnection, files: Sequence[LandedFile], stage: LakeTable, quarantine: LakeTable
) -> tuple[list[DataFile], list[DataFile]]:
    staged: list[DataFile] = []
    quarantined: list[DataFile] = []
    for day in sorted({file.landing_date for file in files}):
        to_parse = [file for file in files if file.landing_date == day and not file.duplicate_of]
        with (
            at_hand(lake.environment, source, [file.landing_file for file in to_parse]) as archive,
            parse(duck, source, archive, to_parse, lake.environment.scratch) as parsed,
        ):
            written = write(duck, stage, parsed.staged_sql(), f"landing_date={day}")
            staged += written
            quarantined += write(duck, quarantine, parsed.quarantined_sql(stage.paths(written)), f"landing_date={day}")
    return staged, quarantined


def _event_dates(stage: LakeTable, files: Sequence[DataFile], duck: duckdb.DuckDBPyConnection) -> frozenset[date]:
    found = duck.execute(f"SELECT DISTINCT event_date FROM ({stage.select(files)})").fetchall()
    return frozenset(day for (day,) in found)
