"""`[stage, <source>]` and `[quarantine, <source>]`: parsed lines, and those that could not be.

`[stage, <source>_event_dates]` is the bridge between the two clocks: no table, but a mark on each event date whose staged rows changed.
"""

from collections.abc import Iterator, Sequence
from datetime import date

import dagster as dg

from event_platform import partitions, tables
from event_platform.described import asset_metadata, kinds_of, written_by_date
from event_platform.lake.table import LakeTable, day_of
from event_platform.landing.expiry import unarchived
from event_platform.landing.ledger import LandedFile
from event_platform.sources.contract import Source
from event_platform.stage.staging import Staged, reparse, stage_pending
from event_platform.step import ONLY_CHANGES_TAG, Step, step
from event_platform.wording import counted


def event_dates_key(source: Source) -> dg.AssetKey:
    """Key of the bridge asset."""
    return dg.AssetKey(["stage", f"{source.name}_event_dates"])


def event_dates_bridge(source: Source) -> dg.AssetSpec:
    """The bridge: a partition is marked when a landing changed the staged rows of that event date."""
    return dg.AssetSpec(
        event_dates_key(source),
        deps=[dg.AssetDep(["stage", source.name], partition_mapping=dg.AllPartitionMapping())],
        partitions_def=partitions.event_dates(source.first_date, source.days_early_allowed),
        description="Which event dates the staged files touched; marked by stage's runs, since an arrival may hold events of any date.",
        group_name="stage",
        owners=[source.owner],
    )


def stage_assets(source: Source) -> dg.AssetsDefinition:
    """Stage and quarantine of a source, made together; partitions are landing dates. A backfill parses the archive anew."""
    declared = (tables.stage(source), tables.quarantine(source))
    specs = [
        dg.AssetSpec(
            [table.layer, table.short_name],
            deps=[["landing", source.name]],
            partitions_def=partitions.landing_dates(),
            description=table.description,
            metadata=asset_metadata(table),
            owners=[source.owner],
            kinds=kinds_of(table),
            group_name=table.layer,
        )
        for table in declared
    ]

    @dg.multi_asset(name=f"stage_{source.name}", specs=specs, can_subset=True, backfill_policy=dg.BackfillPolicy.single_run())
    def stage(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        with step(context, declared[0]) as work:
            if work.is_arrival:
                staged = stage_pending(work.lake, source, work.engine, work.run_id)
            else:
                staged = reparse(work.lake, source, work.engine, work.run_id, work.dates, ONLY_CHANGES_TAG in context.run.tags)
                _warn_of_unarchived(work, source)
            _report(work, source, staged)
        yield from (dg.MaterializeResult(spec.key) for spec in specs if spec.key in context.selected_asset_keys)

    return stage


def _warn_of_unarchived(work: Step, source: Source) -> None:
    """A backfill names dates; of some there may be nothing left to parse."""
    gone = work.dates & unarchived(work.lake, source)
    if gone:
        work.context.log.warning(f"{source.name}: {counted(len(gone), 'landing date')} left as they are, for their archive is past its retention")


def _report(work: Step, source: Source, staged: Staged) -> None:
    for table in (tables.stage(source), tables.quarantine(source)):
        opened = work.lake.open(table)
        facts = written_by_date(opened, work.duck, staged.landing_dates | work.dates, _rows_by_landing_date(opened), written=bool(staged.files))
        work.report([table.layer, table.short_name], facts)
    if staged.staged_lines or staged.quarantined_lines or staged.rescued_lines:
        work.context.log.info(f"{source.name}: {_told(source, staged)}")
    if whole := [file for file in staged.files if file.unreadable and file.lines_to_account_for]:
        work.context.log.warning(f"{source.name}: {_named(whole)}")
    work.report(list(event_dates_key(source).path), {day: {} for day in staged.event_dates})


def _told(source: Source, staged: Staged) -> str:
    """What became of the lines of the files that were parsed, and of lines that were in quarantine before."""
    told = f"{counted(staged.staged_lines, 'line')} staged, {staged.quarantined_lines:,} quarantined"
    if staged.rescued_lines is not None:
        told = f"parsed anew: {told}, {staged.rescued_lines:,} rescued from quarantine"
    return f"{told}; see `event-platform quarantine list {source.name}`" if staged.quarantined_lines else told


FILES_NAMED = 3
"""So many of the files that are in quarantine whole are told by name."""


def _named(whole: Sequence[LandedFile]) -> str:
    """Which files could not be read at all, and why; of many the first."""
    named = [f"{file.original_name} ({(file.unreadable or '').removesuffix('.')})" for file in whole[:FILES_NAMED]]
    more = f" and {len(whole) - FILES_NAMED:,} more" if len(whole) > FILES_NAMED else ""
    return f"{counted(len(whole), 'file')} in quarantine whole: {', '.join(named)}{more}"


def _rows_by_landing_date(table: LakeTable) -> dict[date, int]:
    rows: dict[date, int] = {}
    for file in table.files():
        day = day_of(file.partition[0])
        rows[day] = rows.get(day, 0) + file.record_count
    return rows
