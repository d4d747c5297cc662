"""What became of staged lines: each is trusted, superseded, or past the retention of trusted; any other is lost.

Counting that compares every staged row with all of trusted, so what was counted is kept, and carried on from there: only the files that came and
went since are read. Wherever these do not tell it for certain, everything is counted anew.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from event_platform import tables
from event_platform.accounting.known import Fate, Fates, Known
from event_platform.errors import PlatformError
from event_platform.lake.table import day_of
from event_platform.stage import seen
from event_platform.trusted.dates import files_of_dates
from event_platform.trusted.expiry import first_kept
from event_platform.trusted.merge import PLACE

if TYPE_CHECKING:
    from pathlib import Path

    from pyiceberg.manifest import DataFile

    from event_platform.engines.engine import Engine
    from event_platform.environment import Environment
    from event_platform.lake.catalog import Lake
    from event_platform.lake.table import LakeTable
    from event_platform.sources.contract import Source


@dataclass(frozen=True)
class Tally:
    """The tables of one source as they are, and the engine that counts."""

    environment: Environment
    source: Source
    engine: Engine
    stage: LakeTable
    trusted: LakeTable
    index: LakeTable

    @classmethod
    def of(cls, lake: Lake, source: Source, engine: Engine) -> Tally:
        """As the tables are now, stage first: what is staged meanwhile is not merged yet."""
        stage, trusted, index = (lake.open(declare(source)) for declare in (tables.stage, tables.trusted, tables.seen))
        return cls(lake.environment, source, engine, stage, trusted, index)

    def by_landing_date(self) -> Fates:
        """The fates of all that is staged."""
        known = Known.read(self._kept_in)
        fates = self._carried_on(known, None) if known else None
        if fates is None:
            fates = self.of_rows(self.stage.select())
        self._keep(fates)
        return fates

    def of_landing_dates(self, dates: Collection[date]) -> Fates:
        """The fates of what landed on these dates."""
        return self.of_rows(self.stage.select([file for file in self.stage.files() if day_of(file.partition[0]) in dates]))

    def keep_up(self, files: Sequence[DataFile], fates: Fates) -> None:
        """Carry on what is kept with files of stage whose rows have these fates; nothing is done where that does not suffice."""
        known = Known.read(self._kept_in) or Known.nothing(self.stage, self.trusted)
        if known.leads_to(self.stage, self.trusted) and _paths(files) == _paths(self.stage.came_and_went(known.stage_snapshot)[0]):
            carried_on = self._carried_on(known, fates)
            if carried_on is not None:
                self._keep(carried_on)

    def of_rows(self, staged: str) -> dict[date, Fate]:
        """The fates of the rows of a SELECT over stage, all compared with trusted."""
        event_id = f'"{self.source.event_id}"'
        own_dates = {day for (day,) in self.engine.execute(f"SELECT DISTINCT event_date FROM ({staged})").fetchall()}
        in_trusted = self.trusted.select(files_of_dates(self.trusted, own_dates))
        self.engine.execute(f"""
            CREATE OR REPLACE TEMP TABLE not_trusted AS
            SELECT {event_id}, landing_date, event_date FROM ({staged}) ANTI JOIN ({in_trusted}) USING ({PLACE})""")
        elsewhere = seen.dates_of(self.engine, self.index, "SELECT * FROM not_trusted", self.source.event_id)
        rivals = self.trusted.select(files_of_dates(self.trusted, elsewhere))
        rows = self.engine.execute(f"""
            SELECT landing_date, count(*) - coalesce(any_value(absent), 0), coalesce(any_value(superseded), 0), coalesce(any_value(expired), 0)
            FROM ({staged})
            LEFT JOIN (SELECT landing_date, count(*) AS absent FROM not_trusted GROUP BY landing_date) USING (landing_date)
            LEFT JOIN (SELECT landing_date, count(*) AS superseded FROM not_trusted SEMI JOIN ({rivals}) USING ({event_id})
                GROUP BY landing_date) USING (landing_date)
            LEFT JOIN (SELECT landing_date, count(*) AS expired FROM not_trusted ANTI JOIN ({rivals}) USING ({event_id})
                WHERE event_date < DATE '{first_kept(self.trusted)}' GROUP BY landing_date) USING (landing_date)
            GROUP BY landing_date""").fetchall()
        return {day: Fate(*counted) for day, *counted in rows}

    def _carried_on(self, known: Known, of_those_that_came: Fates | None) -> Fates | None:
        """The fates now, from those known; None where only counting all can tell.

        Rows of files that came to stage are compared with trusted, and so are all rows of landing dates of which files went. Of the others, those
        that left trusted are superseded if a file that came there has their event.
        """
        if not known.leads_to(self.stage, self.trusted):
            return None
        came, went = self.stage.came_and_went(known.stage_snapshot)
        anew, new = {day_of(file.partition[0]) for file in went}, _paths(came)
        counted = [file for file in self.stage.files() if file.file_path in new or day_of(file.partition[0]) in anew]
        staged = self.stage.select(counted)
        outdated = self._outdated_if_readable(known, staged)
        if outdated is None:
            return None
        fates = {day: fate for day, fate in known.fates.items() if day not in anew}
        for day, rows in outdated.items():
            if day in fates:
                fates[day] = _sum(fates[day], Fate(-rows, rows))
        more = {} if not counted else self.of_rows(staged) if of_those_that_came is None or anew else of_those_that_came
        return fates | {day: _sum(fates.get(day, Fate()), fate) for day, fate in more.items()}

    def _outdated_if_readable(self, known: Known, staged: str) -> dict[date, int] | None:
        """None too if files that left trusted cannot be read: maintenance has just deleted them, or a lake was copied without its past.

        Whatever else was wrong, the count of everything that follows says so.
        """
        from duckdb import IOException

        try:
            return self._outdated(known, staged)
        except (IOException, PlatformError):
            return None

    def _outdated(self, known: Known, staged: str) -> dict[date, int] | None:
        """How many rows per landing date, but for those `staged`, left trusted since and are superseded; None if anything else befell such rows."""
        came, went = self.trusted.came_and_went(known.trusted_snapshot)
        if not (came or went):
            return {}
        event_id, added, removed = f'"{self.source.event_id}"', self.trusted.select(came), self.trusted.select(went)
        self.engine.execute(f"""
            CREATE OR REPLACE TEMP TABLE left_trusted AS
            SELECT {event_id}, landing_date, {PLACE} FROM ({removed}) ANTI JOIN ({added}) USING ({event_id}, {PLACE})""")
        self.engine.execute(f"""
            CREATE OR REPLACE TEMP TABLE came_to_trusted AS
            SELECT {event_id}, {PLACE} FROM ({added}) ANTI JOIN ({removed}) USING ({event_id}, {PLACE})""")
        uncertain = [
            f"SELECT {PLACE} FROM came_to_trusted ANTI JOIN ({staged}) USING ({PLACE})",
            f"SELECT {PLACE} FROM left_trusted ANTI JOIN ({added}) USING ({event_id})",
        ]
        if any(fate.expired for fate in known.fates.values()):
            before = f"SELECT * FROM ({self.stage.select()}) WHERE event_date < DATE '{first_kept(self.trusted)}'"
            uncertain.append(f"SELECT {PLACE} FROM ({before}) SEMI JOIN came_to_trusted USING ({event_id})")
        if self.engine.execute(f"SELECT count(*) FROM ({' UNION ALL '.join(uncertain)})").fetchall()[0][0]:
            return None
        left = f"SELECT landing_date FROM left_trusted ANTI JOIN ({staged}) USING ({PLACE})"
        return dict(self.engine.execute(f"SELECT landing_date, count(*) FROM ({left}) GROUP BY landing_date").fetchall())

    @property
    def _kept_in(self) -> Path:
        return self.environment.accounts / f"{self.source.name}.json"

    def _keep(self, fates: Fates) -> None:
        """Write them down if each staged row has one, and each trusted row of these dates is a staged one; carrying on rests on that."""
        staged = rows_by_landing_date(self.stage.files())
        if {day: sum(fate) for day, fate in fates.items()} == staged and self._holds_staged_rows_alone(fates):
            Known.now(self.stage, self.trusted, fates).write(self._kept_in)

    def _holds_staged_rows_alone(self, fates: Fates) -> bool:
        if self.trusted.rows == sum(fate.trusted for fate in fates.values()):
            return True
        held = held_by_landing_date(self.engine, self.trusted)
        return all(held.get(day, 0) == fate.trusted for day, fate in fates.items())


def rows_by_landing_date(files: Sequence[DataFile]) -> dict[date, int]:
    """Rows of files that are stored by landing date, from metadata."""
    rows: dict[date, int] = {}
    for file in files:
        day = day_of(file.partition[0])
        rows[day] = rows.get(day, 0) + file.record_count
    return rows


def held_by_landing_date(engine: Engine, trusted: LakeTable) -> dict[date, int]:
    """Rows of trusted by the date on which they landed, from the bounds of files that hold one such date; the others are read."""
    field = trusted.iceberg.schema().find_field("landing_date").field_id
    held: dict[date, int] = {}
    mixed = []
    for file in trusted.files():
        low, high = file.lower_bounds.get(field), file.upper_bounds.get(field)
        if low is not None and low == high:
            day = day_of(int.from_bytes(low, "little", signed=True))
            held[day] = held.get(day, 0) + file.record_count
        else:
            mixed.append(file)
    if mixed:
        for day, rows in engine.execute(f"SELECT landing_date, count(*) FROM ({trusted.select(mixed)}) GROUP BY landing_date").fetchall():
            held[day] = held.get(day, 0) + rows
    return held


def _paths(files: Sequence[DataFile]) -> set[str]:
    return {file.file_path for file in files}


def _sum(one: Fate, other: Fate) -> Fate:
    return Fate(*(mine + theirs for mine, theirs in zip(one, other, strict=True)))
