"""What a check is and what it finds; `checks` and `data_tests` make them, Dagster shows them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from event_platform import sources, tables
from event_platform.aggregate import aggregates_from
from event_platform.trusted.dates import dates_held

if TYPE_CHECKING:
    from event_platform.lake.table import Change, LakeTable
    from event_platform.step import Step


@dataclass(frozen=True)
class Verdict:
    """What a check found: a sentence, the dates looked at, and for those at fault the number of rows."""

    sentence: str
    checked: frozenset[date] = frozenset()
    faults: dict[date, int] = field(default_factory=dict)
    passed: bool | None = None
    metadata: dict[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether nothing is at fault."""
        return not self.faults if self.passed is None else self.passed


@dataclass(frozen=True)
class Check:
    """One named check of a table. Where it fails the UI shows an error if it is blocking or `is_error`, else a warning."""

    name: str
    meaning: str
    look: Callable[[Step], Verdict]
    blocking: bool = True
    is_error: bool = False


def changes_to_answer_for(work: Step, table: LakeTable) -> list[Change]:
    """What the run wrote to the table, and what a table made from it has not taken in yet: a run before this one may have failed over that."""
    untaken = min((reader.consumed(table.declared.name) for reader in _made_from(work, table)), default=table.sequence)
    return [*table.changes_of(work.run_id), *table.changes_since(untaken)]


def dates_written(work: Step, table: LakeTable) -> frozenset[date]:
    """Event dates of a trusted or aggregate table that this run is answerable for, those asked for included; all when the check runs by itself."""
    if not (work.is_arrival or work.dates or table.changes_of(work.run_id)):
        return dates_held(table)
    return work.dates.union(*(change.dates for change in changes_to_answer_for(work, table)))


def _made_from(work: Step, table: LakeTable) -> list[LakeTable]:
    """The tables that take in what a stage, trusted or aggregate table holds."""
    if table.declared.layer == "stage":
        return [work.lake.open(tables.trusted(sources.get(table.declared.short_name)))]
    return [work.lake.open(aggregate.table) for aggregate in aggregates_from(table.declared)]
