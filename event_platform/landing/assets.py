"""`[landing, <source>]`: claims what is pending and enters it in the ledger."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import dagster as dg

from event_platform import partitions, tables
from event_platform.described import asset_metadata
from event_platform.engines.spelling import in_dates
from event_platform.landing import ledger
from event_platform.landing.claiming import claim_pending
from event_platform.landing.ledger import LandedFile
from event_platform.sources.contract import Source
from event_platform.step import Step, step
from event_platform.wording import counted


def landing_asset(source: Source, deps: Sequence[dg.AssetDep] = ()) -> dg.AssetsDefinition:
    """The landing asset of a source, `deps` being what puts files into its queue; partitions are landing dates.

    A backfill of old dates tells what landed then, and changes nothing.
    """
    table = tables.ledger(source)

    @dg.asset(
        key=[table.layer, table.short_name],
        deps=deps,
        partitions_def=partitions.landing_dates(),
        backfill_policy=dg.BackfillPolicy.single_run(),
        description=f"{table.description} Bytes are never changed; the archive is `landing/{source.name}/processed/`.",
        metadata=asset_metadata(table),
        owners=[source.owner],
        kinds={"file", "iceberg"},
        group_name=table.layer,
        freshness_policy=_freshness(source),
    )
    def landing(context: dg.AssetExecutionContext) -> None:
        with step(context) as work:
            claimed = claim_pending(work.lake, source, work.duck, work.run_id)
            tell(context, source, claimed)
            work.report([table.layer, table.short_name], _facts(work, source, {file.landing_date for file in claimed} | work.dates))

    return landing


def _freshness(source: Source) -> dg.FreshnessPolicy | None:
    """As the contract says; Dagster's daemon judges it, so that a feed that is silent shows without a run."""
    hours = source.fresh_within_hours
    return None if hours is None else dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=hours))


def tell(context: dg.AssetExecutionContext, source: Source, claimed: list[LandedFile]) -> None:
    """Log what was claimed, if anything was, and the repeated files: one by name, several by their number and the first of them."""
    if not claimed:
        return
    context.log.info(f"{source.name}: claimed {counted(len(claimed), 'file')}, {counted(sum(file.lines for file in claimed), 'line')}")
    if again := sum(file.repeated_lines or 0 for file in claimed):
        context.log.info(f"{source.name}: {counted(again, 'message')} had landed before with the same offset; archived, not staged again")
    repeats = [file for file in claimed if file.duplicate_of]
    if len(repeats) == 1:
        context.log.warning(f"{source.name}: {repeats[0].landing_file} has the same bytes as {repeats[0].duplicate_of}; {_REPEATED}")
    elif repeats:
        example = f"{repeats[0].landing_file} those of {repeats[0].duplicate_of}"
        context.log.warning(f"{source.name}: {len(repeats):,} of them have the same bytes as earlier files ({example}, …); {_REPEATED}")


_REPEATED = "archived, not staged again"


def _facts(work: Step, source: Source, dates: set[date] | frozenset[date]) -> dict[date, dict[str, Any]]:
    files = ledger.read(work.lake, source, work.duck, in_dates("landing_date", dates))
    count = Counter(file.landing_date for file in files)
    lines = Counter[date]()
    for file in files:
        lines[file.landing_date] += file.lines_to_account_for
    names = {day: [file.landing_file for file in files if file.landing_date == day][-20:] for day in count}
    return {day: {"dagster/partition_row_count": count[day], "lines": lines[day], "latest_files": "\n".join(names.get(day, []))} for day in dates}
