"""Aggregates of dates that trusted no longer holds: either they go with its rows, or they are kept as they are and never recomputed.

What goes with trusted is simply recomputed, from what is left. Kept are answers of one date each in which nobody is named: a person could not be
erased from an answer that cannot be recomputed, and one that lasts over midnight would be counted in part again.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from event_platform import tables
from event_platform.lake.conflicts import starts_anew
from event_platform.lake.retention import RUN_ID, Expired
from event_platform.lake.table import Change
from event_platform.trusted.dates import event_date_of
from event_platform.trusted.expiry import first_kept

if TYPE_CHECKING:
    from collections.abc import Collection

    from event_platform.aggregate.daily import Aggregate
    from event_platform.lake.catalog import Lake
    from event_platform.lake.schema import Table
    from event_platform.lake.table import LakeTable


def outlives_trusted(aggregate: Aggregate) -> bool:
    """Whether its answers stay when the rows they were made from go."""
    return aggregate.reach.neighbours == 0 and not any(column.personal for column in aggregate.table.columns)


def first_recomputed(lake: Lake, aggregate: Aggregate) -> date:
    """The first event date whose answers may be computed anew; earlier ones stay as they are."""
    return first_kept(lake.open(tables.trusted(aggregate.source))) if outlives_trusted(aggregate) else date.min


def is_behind(lake: Lake, upstream: LakeTable, readers: Collection[Aggregate]) -> bool:
    """Whether one of the aggregates has yet to take in what changed in the table that it is made from."""
    return any(upstream.changes_for(lake.open(reader.table)) for reader in readers)


@starts_anew
def expire_answers(lake: Lake, table: Table, before: date, readers: Collection[Aggregate] = ()) -> Expired | None:
    """Remove the dates before this one; None if there are none, or if a reader has yet to take in what is there."""
    with lake.writing(table.name):
        answers = lake.open(table)
        old = [file for file in answers.files() if event_date_of(answers, file) < before]
        if not old or is_behind(lake, answers, readers):
            return None
        dates = frozenset(event_date_of(answers, file) for file in old)
        answers.commit(Change("replacement", dates=dates), RUN_ID, removed=old)
        return Expired.of(table.name, before, dates, old)
