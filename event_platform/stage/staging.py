"""From the ledger to stage and quarantine: every line of every landed file goes to one of them, once.

Quarantine is committed before stage, and stage's commit is what marks the files as done. A retry retires what a dead attempt left in
quarantine for the same files, so no line is there twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import TYPE_CHECKING

from event_platform import tables
from event_platform.engines.duckdb import spill_folder
from event_platform.engines.engine import drivers_duckdb, each, in_parts
from event_platform.engines.spelling import in_dates
from event_platform.lake.conflicts import starts_anew
from event_platform.lake.retention import EXPIRED
from event_platform.lake.table import Change, day_of
from event_platform.lake.write import copy_into, data_files, target_of, write
from event_platform.landing import ledger
from event_platform.landing.archive import at_hand
from event_platform.landing.corrections import corrections_of
from event_platform.landing.expiry import unarchived
from event_platform.soundness import require_sound
from event_platform.stage import seen
from event_platform.stage.parse import parse
from event_platform.stage.taking_out import is_needed, take_out

if TYPE_CHECKING:
    import duckdb
    from pyiceberg.manifest import DataFile

    from event_platform.engines.engine import Engine
    from event_platform.environment import Environment
    from event_platform.lake.catalog import Lake
    from event_platform.lake.table import LakeTable
    from event_platform.lake.write import Target, Written
    from event_platform.landing.ledger import LandedFile
    from event_platform.sources.contract import Source

REPARSING = "reparsing"
"""Note on a stage table: the landing dates that are being parsed anew, so that a crash in the middle is finished by the next run."""


@dataclass(frozen=True)
class Staged:
    """What a staging did: the files it parsed, the event dates whose staged rows changed, and where the files' lines are now.

    `rescued_lines` were in quarantine before and are no longer; None when the files were parsed for the first time.
    """

    files: tuple[LandedFile, ...] = ()
    landing_dates: frozenset[date] = frozenset()
    event_dates: frozenset[date] = frozenset()
    staged_lines: int = 0
    quarantined_lines: int = 0
    rescued_lines: int | None = None

    def __add__(self, other: Staged) -> Staged:
        """Both together."""
        return Staged(
            self.files + other.files,
            self.landing_dates | other.landing_dates,
            self.event_dates | other.event_dates,
            self.staged_lines + other.staged_lines,
            self.quarantined_lines + other.quarantined_lines,
            self.rescued_lines if other.rescued_lines is None else (self.rescued_lines or 0) + other.rescued_lines,
        )


@starts_anew
def stage_pending(lake: Lake, source: Source, engine: Engine, run_id: str) -> Staged:
    """Parse every file in the ledger that is not parsed yet, then finish a reparse that was cut short."""
    with lake.writing(f"stage.{source.name}"):
        arrived = _parse_arrivals(lake, source, engine, run_id)
        interrupted = noted_dates(lake.open(tables.stage(source)))
        redone = _reparse(lake, source, engine, run_id, interrupted) if interrupted else Staged()
        return redone + arrived


@starts_anew
def reparse(lake: Lake, source: Source, engine: Engine, run_id: str, landing_dates: Iterable[date], only_changes: bool = False) -> Staged:
    """Parse the archive of the landing dates anew; dates on which nothing landed, or whose archive is past its retention, stay as they are.

    Files are looked at again first, so one that was mended in the archive counts as it is now; if that makes a file elsewhere no longer the
    repeat of another, its date is parsed too. The event dates touched are all those of the rows before and after, or with `only_changes`
    those of rows that came out otherwise. Raises, before anything is changed, PermanentError when the archive lacks a file and
    ConfigurationError when the contract's SQL cannot be computed.
    """
    require_sound(source, drivers_duckdb(engine))
    stage_pending(lake, source, engine, run_id)
    with lake.writing(f"stage.{source.name}"):
        return _reparse(lake, source, engine, run_id, frozenset(landing_dates) & landed_dates(lake, source), only_changes)


def landed_dates(lake: Lake, source: Source) -> frozenset[date]:
    """The landing dates on which files were claimed that the archive still has."""
    return frozenset(day_of(value) for value in lake.open(tables.ledger(source)).partitions("landing_date")) - unarchived(lake, source)


def quarantined_dates(lake: Lake, source: Source) -> frozenset[date]:
    """The landing dates of which lines are in quarantine."""
    return frozenset(day_of(value) for value in lake.open(tables.quarantine(source)).partitions("landing_date"))


def _parse_arrivals(lake: Lake, source: Source, engine: Engine, run_id: str) -> Staged:
    quarantine, stage, landed = (lake.open(declare(source)) for declare in (tables.quarantine, tables.stage, tables.ledger))
    changes = landed.changes_since(stage.consumed(landed.declared.name))
    if not changes:
        return Staged()
    first, last = min(change.first_file_id for change in changes), max(change.last_file_id for change in changes)
    landed_files = ledger.read(lake, source, drivers_duckdb(engine), f"file_id BETWEEN {first} AND {last}")
    files = take_out(lake, source, drivers_duckdb(engine), landed_files, run_id)
    left_over, kept = _without(quarantine, engine, first)
    staged, quarantined = _parse(lake, source, engine, files, stage, quarantine)
    event_dates = _event_dates(stage, staged, engine)
    landing_dates = frozenset(file.landing_date for file in files)
    change = Change("arrival", event_dates, landing_dates, first, last)
    quarantine.commit(change, run_id, added=[*quarantined, *kept], removed=left_over)
    stage.commit(change, run_id, added=staged, consumed={landed.declared.name: changes[-1].sequence})
    return Staged(tuple(files), landing_dates, event_dates, _rows(staged), _rows(quarantined))


def _without(quarantine: LakeTable, engine: Engine, first: int) -> tuple[list[DataFile], list[DataFile]]:
    """What to retire so that no line of the file id `first` or a later one is in quarantine, and the earlier lines of that, written anew.

    They are in one data file when `maintain` joined what a dead attempt left to older files, or when somebody had staged fewer files meanwhile.
    """
    left_over = [file for file in quarantine.files() if quarantine.file_ids(file)[1] >= first]
    shared = [file for file in left_over if quarantine.file_ids(file)[0] < first]
    return left_over, write(engine, quarantine, f"SELECT * FROM ({quarantine.select(shared)}) WHERE file_id < {first}") if shared else []


def _reparse(lake: Lake, source: Source, engine: Engine, run_id: str, landing_dates: frozenset[date], only_changes: bool = False) -> Staged:
    if not landing_dates:
        return Staged()
    quarantine, stage = lake.open(tables.quarantine(source)), lake.open(tables.stage(source))
    if is_needed(lake, source):
        note_reparse(stage, landing_dates, run_id)
        take_out(lake, source, drivers_duckdb(engine), _taken(lake, source, engine, stage, landing_dates), run_id)
    found = corrections_of(lake, source, drivers_duckdb(engine), _taken(lake, source, engine, stage, landing_dates))
    corrections = [file for file in found if file.landing_date not in unarchived(lake, source)]
    landing_dates |= {file.landing_date for file in corrections}
    note_reparse(stage, landing_dates, run_id)
    ledger.correct(lake, source, drivers_duckdb(engine), corrections, run_id)
    files = _taken(lake, source, engine, stage, landing_dates)
    staged, quarantined = _parse(lake, source, engine, files, stage, quarantine)
    replaced = [file for file in stage.files() if day_of(file.partition[0]) in landing_dates]
    event_dates = _dates_touched(lake, source, engine, stage.select(replaced), stage.select(staged), only_changes)
    change = Change("replacement", event_dates, landing_dates)
    released = [file for file in quarantine.files() if day_of(file.partition[0]) in landing_dates]
    rescued = _count_missing(engine, quarantine.select(released), quarantine.select(quarantined))
    quarantine.commit(change, run_id, quarantined, released, notes=_without_dates(quarantine, landing_dates, EXPIRED))
    stage.commit(change, run_id, staged, replaced, notes={REPARSING: {}, **_without_dates(stage, landing_dates, "erased", EXPIRED)})
    return Staged(tuple(files), landing_dates, event_dates, _rows(staged), _rows(quarantined), rescued)


def _without_dates(table: LakeTable, landing_dates: frozenset[date], *notes: str) -> dict[str, object]:
    """What the notes say of other landing dates: rows of these, which were given up, are there again."""
    return {name: {day: rows for day, rows in table.note(name).items() if date.fromisoformat(day) not in landing_dates} for name in notes}


def note_reparse(stage: LakeTable, landing_dates: Iterable[date], run_id: str) -> None:
    """Have the next run parse these landing dates anew, whatever becomes of this one."""
    stage.commit(Change("upkeep"), run_id, notes={REPARSING: {"landing_dates": sorted(day.isoformat() for day in landing_dates)}})


def noted_dates(stage: LakeTable) -> frozenset[date]:
    """The landing dates that the next run parses anew."""
    return frozenset(date.fromisoformat(str(day)) for day in stage.note(REPARSING).get("landing_dates", ()))  # type: ignore[attr-defined]


def _rows(files: Sequence[DataFile]) -> int:
    return sum(file.record_count for file in files)


def _count_missing(engine: Engine, before: str, after: str) -> int:
    """How many lines of the one SELECT are not in the other."""
    ((lines,),) = engine.execute(f"SELECT count(*) FROM ({before}) ANTI JOIN ({after}) USING (file_id, line_number)").fetchall()
    return int(lines)


def _taken(lake: Lake, source: Source, engine: Engine, stage: LakeTable, landing_dates: Iterable[date]) -> list[LandedFile]:
    """The files of the landing dates that stage has taken in; what was claimed since belongs to the next arrival, and to it alone."""
    untaken = ledger.first_untaken(lake, source, stage)
    return ledger.read(lake, source, drivers_duckdb(engine), f"{in_dates('landing_date', landing_dates)} AND file_id < {untaken}")


def _dates_touched(lake: Lake, source: Source, engine: Engine, before: str, after: str, only_changes: bool) -> frozenset[date]:
    """The event dates of the touched rows, and those where another version of their events may surface again."""
    touched = f"({before} EXCEPT {after}) UNION ALL ({after} EXCEPT {before})" if only_changes else f"{before} UNION ALL {after}"
    found = engine.execute(f"SELECT DISTINCT event_date FROM ({touched})").fetchall()
    return frozenset(day for (day,) in found) | seen.dates_of(engine, lake.open(tables.seen(source)), touched, source.event_id)


def _parse(
    lake: Lake, source: Source, engine: Engine, files: Sequence[LandedFile], stage: LakeTable, quarantine: LakeTable
) -> tuple[list[DataFile], list[DataFile]]:
    staged: list[DataFile] = []
    quarantined: list[DataFile] = []
    to_parse = [file for file in files if file.lines_to_account_for]
    days = [[file for file in to_parse if file.landing_date == day] for day in sorted({file.landing_date for file in to_parse})]
    parts = [part for day in days for part in in_parts(engine, day, size=lambda file: file.bytes)]
    work = partial(_parse_part, lake.environment, source, target_of(stage), target_of(quarantine))
    for sound, broken in each(engine, work, parts):
        staged += data_files(stage, sound)
        quarantined += data_files(quarantine, broken)
    return staged, quarantined


def _parse_part(
    environment: Environment, source: Source, stage: Target, quarantine: Target, duck: duckdb.DuckDBPyConnection, files: Sequence[LandedFile]
) -> tuple[Written, Written]:
    """Files of one landing date into the two tables; on Spark, each part is a task."""
    folder = f"landing_date={files[0].landing_date}"
    with (
        at_hand(environment, source, [file.landing_file for file in files]) as archive,
        parse(duck, source, archive, files, spill_folder(duck)) as parsed,
    ):
        sound = copy_into(duck, stage, parsed.staged_sql(), folder)
        return sound, copy_into(duck, quarantine, parsed.quarantined_sql(stage.storage.paths(sound.names)), folder)


def _event_dates(stage: LakeTable, files: Sequence[DataFile], engine: Engine) -> frozenset[date]:
    found = engine.execute(f"SELECT DISTINCT event_date FROM ({stage.select(files)})").fetchall()
    return frozenset(day for (day,) in found)
