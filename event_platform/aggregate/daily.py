"""How every aggregate table is kept: a SELECT over the table below, recomputed whole for each event date whose answers may have changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from event_platform import tables
from event_platform.aggregate.expiry import first_recomputed
from event_platform.aggregate.reach import OwnDate
from event_platform.engines.spelling import in_dates
from event_platform.lake.conflicts import starts_anew
from event_platform.lake.table import Change
from event_platform.lake.write import discard, write
from event_platform.trusted.dates import dates_held, event_date_of, files_of_dates

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile

    from event_platform.aggregate.reach import Reach
    from event_platform.engines.engine import Engine
    from event_platform.lake.catalog import Lake
    from event_platform.lake.schema import Table
    from event_platform.lake.table import LakeTable
    from event_platform.sources.contract import Source


@dataclass(frozen=True)
class Aggregate:
    """One aggregate table, stored by `event_date`. `query` computes all of history at once; which dates to recompute is not its business.

    It reads the trusted table of its source as `trusted`, or the aggregate it is `made_from` under that one's short name. `reach` says how far
    an answer reaches beyond its date. `counts` is the column that adds up to the rows of the table below, if there is such a column.
    """

    source: Source
    table: Table
    query: str
    made_from: Aggregate | None = None
    reach: Reach = field(default_factory=OwnDate)
    counts: str = "events"

    @property
    def upstream(self) -> Table:
        """The table it is made from."""
        return self.made_from.table if self.made_from else tables.trusted(self.source)

    @property
    def generation(self) -> int:
        """0 when made from trusted, 1 when made from such an aggregate, and so on."""
        return self.made_from.generation + 1 if self.made_from else 0

    def query_of(self, dates: Iterable[date]) -> str:
        """The query, answers of the given dates only; one that sees just these dates has no others."""
        if isinstance(self.reach, OwnDate):
            return self.query
        return f"SELECT * FROM ({self.query}) WHERE {in_dates('event_date', dates)}"


@starts_anew
def aggregate_pending(lake: Lake, aggregate: Aggregate, engine: Engine, run_id: str) -> frozenset[date]:
    """Recompute the dates that are outdated by what changed in the table below since the last time; give them.

    Dates that trusted no longer keeps stay as they are where the answers outlive it (`expiry`).
    """
    with lake.writing(aggregate.table.name):
        upstream, answers = _opened(lake, aggregate)
        consumed, changes = answers.consumed(upstream.declared.name), upstream.changes_for(answers)
        if not changes:
            return frozenset()
        held = dates_held(upstream)
        unknown = frozenset[date]() if consumed and upstream.knows_since(consumed) else held | dates_held(answers)
        changed = unknown.union(*(change.dates for change in changes))
        outdated = changed | (aggregate.reach.outdated(changed, answers) & (held | dates_held(answers)))
        dates = _not_before(first_recomputed(lake, aggregate), outdated)
        _recompute(aggregate, upstream, answers, engine, run_id, dates, {upstream.declared.name: changes[-1].sequence})
        return dates


@starts_anew
def recompute_dates(lake: Lake, aggregate: Aggregate, engine: Engine, run_id: str, dates: Iterable[date]) -> frozenset[date]:
    """Recompute the given dates from the table below as it is now; give those that hold or held rows."""
    with lake.writing(aggregate.table.name):
        upstream, answers = _opened(lake, aggregate)
        wanted = _not_before(first_recomputed(lake, aggregate), frozenset(dates) & (dates_held(upstream) | dates_held(answers)))
        _recompute(aggregate, upstream, answers, engine, run_id, wanted, {})
        return wanted


def _opened(lake: Lake, aggregate: Aggregate) -> tuple[LakeTable, LakeTable]:
    answers = lake.open(aggregate.table)
    return lake.open(aggregate.upstream), answers


def _not_before(first: date, dates: Iterable[date]) -> frozenset[date]:
    return frozenset(day for day in dates if day >= first)


def _recompute(
    aggregate: Aggregate,
    upstream: LakeTable,
    answers: LakeTable,
    engine: Engine,
    run_id: str,
    dates: frozenset[date],
    consumed: dict[str, int],
) -> None:
    added = _write_answers(aggregate, upstream, answers, engine, dates)
    removed = [file for file in answers.files() if event_date_of(answers, file) in dates]
    answers.commit(Change("replacement", dates=dates), run_id, added=added, removed=removed, consumed=consumed)


def _write_answers(aggregate: Aggregate, upstream: LakeTable, answers: LakeTable, engine: Engine, dates: frozenset[date]) -> list[DataFile]:
    """Write the dates' answers; when some turn out to go on where the table below was not read, read further and write them again."""
    name = aggregate.made_from.table.short_name if aggregate.made_from else "trusted"
    read = aggregate.reach.made_from(dates, answers)
    while True:
        engine.execute(f'CREATE OR REPLACE TEMP VIEW "{name}" AS {upstream.select(files_of_dates(upstream, read))}')
        written = write(engine, answers, aggregate.query_of(dates))
        further = (aggregate.reach.goes_on(answers, written) & dates_held(upstream)) - read
        if not further:
            return written
        discard(answers, written)
        read |= further
