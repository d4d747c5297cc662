"""How long each layer of a source keeps its rows, done: what is past its retention goes, but never what a later layer still needs.

| layer | waits for |
|---|---|
| stage | trusted has merged all that is staged |
| quarantine | nothing |
| archive | stage and quarantine hold nothing of the landing date any more |
| trusted | it has merged all that is staged, and every aggregate made from it has taken in what changed |
| aggregate | trusted has given up the date, and what is made from the aggregate has taken in what changed |

Each step is one commit, or is noted before it begins, so a death anywhere leaves what the next `maintain` does. What waits, waits a night.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from event_platform import accounting, partitions, tables
from event_platform.aggregate import aggregates_from, aggregates_of
from event_platform.aggregate.clickstream_live import streamed_of
from event_platform.aggregate.expiry import expire_answers, is_behind, outlives_trusted
from event_platform.lake.conflicts import starts_anew
from event_platform.lake.retention import RUN_ID, Expired
from event_platform.lake.table import day_of
from event_platform.landing import expiry as archive
from event_platform.stage.expiry import archive_needed, dates_at_work, expire_quarantine, expire_stage, files_before, records_of
from event_platform.trusted.expiry import expire_rows, first_kept, forget_expired
from event_platform.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable

    import dagster as dg
    import duckdb

    from event_platform.lake.catalog import Lake
    from event_platform.sources.contract import Source


def expire(lake: Lake, source: Source, duck: duckdb.DuckDBPyConnection, today: date | None = None) -> Iterator[Expired]:
    """Remove what is past its retention on this day (UTC; default: today), layer by layer; what was removed. Doing it again removes nothing."""
    if not lake.exists(tables.ledger(source)):
        return
    now, keep = today or partitions.today(), source.retention
    layers = (
        (keep.stage_days, _stage),
        (keep.quarantine_days, _quarantine),
        (keep.archive_days, _archive),
        (keep.trusted_days, _trusted),
        (keep.aggregate_days, _aggregates),
        (keep.trusted_days, _streamed),
    )
    for days, layer in layers:
        if days is not None:
            yield from layer(lake, source, duck, now - timedelta(days=days))


@starts_anew
def _stage(lake: Lake, source: Source, duck: duckdb.DuckDBPyConnection, before: date) -> list[Expired]:
    with lake.writing(f"stage.{source.name}"), lake.writing(f"trusted.{source.name}"):
        stage, trusted = lake.open(tables.stage(source)), lake.open(tables.trusted(source))
        if stage.changes_for(trusted):
            return []
        old = files_before(stage, before, dates_at_work(lake, source, duck, stage))
        if not old:
            return []
        dates = frozenset(day_of(file.partition[0]) for file in old)
        accounts = accounting.by_landing_date(lake, source, duck, dates) if first_kept(trusted) > date.min else {}
        lost_before = {day: account.expired for day, account in accounts.items()}
        return [expire_stage(stage, old, before, lost_before)]


@starts_anew
def _quarantine(lake: Lake, source: Source, duck: duckdb.DuckDBPyConnection, before: date) -> list[Expired]:
    with lake.writing(f"stage.{source.name}"):
        done = expire_quarantine(lake, source, duck, before)
        return [done] if done else []


@starts_anew
def _archive(lake: Lake, source: Source, duck: duckdb.DuckDBPyConnection, before: date) -> list[Expired]:
    with lake.writing(f"stage.{source.name}"), lake.writing(f"landing.{source.name}"):
        ledger = lake.open(tables.ledger(source))
        free, _ = archive_needed(lake, source, duck, before)
        if new := free - archive.unarchived(lake, source):
            archive.let_go(ledger, new, RUN_ID)
        if not (dates := archive.going(ledger)):
            return []
        archive.delete_going(lake, source, ledger, RUN_ID)
        return [Expired(ledger.declared.name, before, dates, *records_of(lake, source, duck, dates))]


@starts_anew
def _trusted(lake: Lake, source: Source, duck: duckdb.DuckDBPyConnection, before: date) -> list[Expired]:
    with lake.writing(f"stage.{source.name}"), lake.writing(f"trusted.{source.name}"):
        seen, trusted, stage = (lake.open(declare(source)) for declare in (tables.seen, tables.trusted, tables.stage))
        may_go = not (stage.changes_for(trusted) or is_behind(lake, trusted, aggregates_from(tables.trusted(source))))
        done = expire_rows(duck, trusted, before, accounting.retired_by_date(stage)) if may_go else None
        forget_expired(duck, seen, first_kept(trusted))
        return [done] if done and done.dates else []


def _aggregates(lake: Lake, source: Source, duck: duckdb.DuckDBPyConnection, before: date) -> Iterator[Expired]:  # noqa: ARG001 - as the others
    """Answers that outlive trusted; the others go by being recomputed."""
    for aggregate in filter(outlives_trusted, aggregates_of(source)):
        if lake.exists(aggregate.table):
            first = min(before, first_kept(lake.open(tables.trusted(source))))
            done = expire_answers(lake, aggregate.table, first, aggregates_from(aggregate.table))
            yield from [done] if done else []


def _streamed(lake: Lake, source: Source, duck: duckdb.DuckDBPyConnection, before: date) -> Iterator[Expired]:  # noqa: ARG001 - as the others
    """What the stream counted by user goes with the events."""
    for table in streamed_of(source):
        if lake.exists(table) and (done := expire_answers(lake, table, before)):
            yield done


def told(source: Source, done: Expired) -> str:
    """What was removed, as a sentence."""
    what, unit = ("the archive", "record") if done.what == tables.ledger(source).name else (done.what, "row")
    dates, rows, files = counted(len(done.dates), "date"), counted(done.rows, unit), counted(done.files, "file")
    return f"{source.name}: {dates} before {done.before} removed from {what}, {rows} in {files}"


def report(instance: dg.DagsterInstance, done: Expired, tell: Callable[[str], None], source: Source) -> None:
    """Tell it, and record it with the table's asset in Dagster: what was removed, and what was before which day."""
    import dagster as dg

    sentence = told(source, done)
    tell(sentence)
    facts: dict[str, Any] = {
        "expired rows": done.rows,
        "expired files": done.files,
        "expired before": done.before.isoformat(),
        "expired dates": dg.MetadataValue.json(sorted(map(str, done.dates))),
    }
    instance.report_runless_asset_event(dg.AssetObservation(done.what.split("."), description=sentence, metadata=facts))
