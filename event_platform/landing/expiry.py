"""Landing dates whose archived files are past their retention: the ledger says of each that it is going, then the files go, then that it is gone.

So a death in between leaves a date that is going, and whoever comes next deletes what is left of it. The ledger's rows stay: a file that is sent
again is known, and the accounting closes.
"""

from __future__ import annotations

import shutil
from datetime import date
from typing import TYPE_CHECKING

from event_platform import tables
from event_platform.lake import files
from event_platform.lake.table import Change
from event_platform.landing import ledger
from event_platform.landing.object_queue import ObjectQueue
from event_platform.landing.queue import archive_folder

if TYPE_CHECKING:
    from collections.abc import Iterable

    import duckdb

    from event_platform.environment import Environment
    from event_platform.lake.catalog import Lake
    from event_platform.lake.table import LakeTable
    from event_platform.landing.ledger import LandedFile
    from event_platform.sources.contract import Source

NOTE = "archive"
"""On the ledger: landing dates whose archive is going, and gone."""


def unarchived(lake: Lake, source: Source) -> frozenset[date]:
    """The landing dates whose files the archive no longer has, or will not in a moment: nothing can be parsed anew from them."""
    table = lake.peek(tables.ledger(source))
    return frozenset() if table is None else _noted(table, "going") | _noted(table, "gone")


def archived_files(lake: Lake, source: Source, duck: duckdb.DuckDBPyConnection, where: str) -> list[LandedFile]:
    """The ledger's rows for which the SQL condition holds, of files that the archive still has, in order of landing."""
    gone = unarchived(lake, source)
    return [file for file in ledger.read(lake, source, duck, where) if file.landing_date not in gone]


def going(table: LakeTable) -> frozenset[date]:
    """The landing dates whose files are being deleted, or were when somebody died."""
    return _noted(table, "going")


def let_go(table: LakeTable, dates: Iterable[date], run_id: str) -> None:
    """Say that the archive of these landing dates goes; there is no way back from here. The caller holds the locks of ledger and stage."""
    _note(table, going(table).union(dates), _noted(table, "gone"), run_id)


def delete_going(lake: Lake, source: Source, table: LakeTable, run_id: str) -> None:
    """Delete the files of the landing dates that go, and say that they are gone. Raises TransientError when a store is away."""
    dates = going(table)
    for day in sorted(dates):
        _delete(lake.environment, source, day)
    _note(table, frozenset(), _noted(table, "gone") | dates, run_id)


def _delete(environment: Environment, source: Source, day: date) -> None:
    if environment.lake_url:
        queue = ObjectQueue(environment, source)
        found = list(queue.store.list(queue.archived_url(f"date={day}")))
        for each in found:
            queue.cache.path(each.url, each.version).unlink(missing_ok=True)
        queue.store.delete([each.url for each in found])
        return
    folder = archive_folder(environment, source) / f"date={day}"
    with files.explained(f"Deleting {folder}"):
        if folder.exists():
            shutil.rmtree(folder)


def _noted(table: LakeTable, state: str) -> frozenset[date]:
    return frozenset(date.fromisoformat(str(day)) for day in table.note(NOTE).get(state, ()))  # type: ignore[attr-defined]


def _note(table: LakeTable, coming: frozenset[date], gone: frozenset[date], run_id: str) -> None:
    told = {"going": sorted(map(str, coming)), "gone": sorted(map(str, gone))}
    table.commit(Change("upkeep"), run_id, notes={NOTE: told})
