"""Event dates of trusted that are past their retention: removed for good, for nothing that is staged before the first day kept is merged again.

The latest version of an event is the one of the latest time, so a version that expires is never later than one that stays: what is kept is what a
lake would hold that never had the rest.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from event_platform.lake.retention import EXPIRED, RUN_ID, Expired
from event_platform.lake.table import Change, day_of
from event_platform.lake.write import without, write
from event_platform.trusted.dates import event_date_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from event_platform.engines.engine import Engine
    from event_platform.lake.table import LakeTable

NOTE = "retention"


def first_kept(trusted: LakeTable) -> date:
    """The first event date (UTC) that the table still takes; the first there is, before anything expired. It never goes back."""
    return date.fromisoformat(str(trusted.note(NOTE).get("first_kept", date.min.isoformat())))


def expire_rows(engine: Engine, trusted: LakeTable, before: date, retired: Collection[date]) -> Expired | None:
    """Remove the dates before this one, in a commit that makers of aggregates see; None if there is nothing to do. The caller holds the lock.

    Of the landing dates that stage has `retired`, the rows removed are counted in a note, since nothing else knows of them.
    """
    if before <= first_kept(trusted):
        return None
    old = [file for file in trusted.files() if event_date_of(trusted, file) < before]
    dates = frozenset(event_date_of(trusted, file) for file in old)
    counted = engine.execute(f"SELECT landing_date, count(*) FROM ({trusted.select(old)}) GROUP BY landing_date").fetchall()
    noted = expired_by_date(trusted)
    for day, rows in counted:
        if day in retired:
            noted[day] = noted.get(day, 0) + rows
    notes = {NOTE: {"first_kept": before.isoformat()}, EXPIRED: {day.isoformat(): rows for day, rows in noted.items()}}
    trusted.commit(Change("replacement", dates=dates), RUN_ID, removed=old, notes=notes)
    return Expired.of(trusted.declared.name, before, dates, old)


def drop_rows(engine: Engine, trusted: LakeTable, condition: str) -> int:
    """Remove the rows for which the SQL holds, and count them as expired; how many. The caller holds the lock.

    It is for rows that cannot be derived anew, since neither stage nor the archive has them any more.
    """
    kept, old = without(engine, trusted, condition)
    if not old:
        return 0
    counted = f"SELECT landing_date, count(*) FROM ({trusted.select(old)}) WHERE {condition} GROUP BY landing_date"
    gone = dict(engine.execute(counted).fetchall())
    noted = expired_by_date(trusted)
    notes = {EXPIRED: {str(day): noted.get(day, 0) + gone.get(day, 0) for day in noted.keys() | gone.keys()}}
    dates = frozenset(event_date_of(trusted, file) for file in old)
    trusted.commit(Change("replacement", dates=dates), RUN_ID, kept, old, notes=notes)
    return sum(gone.values())


def expired_by_date(table: LakeTable) -> dict[date, int]:
    """Rows per landing date that the table says are gone for good."""
    return {date.fromisoformat(day): int(str(rows)) for day, rows in table.note(EXPIRED).items()}


def forget_expired(engine: Engine, seen: LakeTable, first: date) -> None:
    """Take the dates before the first one kept out of the id look-up: nothing is looked for there any more. The caller holds trusted's lock."""
    field = seen.iceberg.schema().find_field("event_date").field_id
    old = [file for file in seen.files() if day_of(int.from_bytes(file.lower_bounds[field], "little", signed=True)) < first]
    if old:
        kept = write(engine, seen, f"SELECT * FROM ({seen.select(old)}) WHERE event_date >= DATE '{first}'")
        seen.commit(Change("upkeep"), RUN_ID, added=kept, removed=old)
