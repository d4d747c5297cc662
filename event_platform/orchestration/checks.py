"""Asset checks. Those that would let wrong data through are blocking: what lies downstream does not run.

A check in a run looks at what that run wrote; executed by itself it looks at everything. Its verdict is recorded for the run as a whole,
and once more for every partition, since Dagster keeps only the former in range runs.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta

import dagster as dg

from event_platform import accounting, environment, tables
from event_platform.aggregate import agreement
from event_platform.aggregate.clickstream_live import WINDOWS
from event_platform.aggregate.clickstream_windows import TABLE as BATCH
from event_platform.aggregate.daily import Aggregate
from event_platform.aggregate.expiry import first_recomputed
from event_platform.alerts.log import TABLE as ALERTS
from event_platform.alerts.log import AlertLog
from event_platform.lake.schema import Table
from event_platform.landing import ledger
from event_platform.orchestration.data_tests import declared_tests
from event_platform.orchestration.verdicts import Check, Verdict, changes_to_answer_for, dates_written
from event_platform.realtime.windows import heartbeat
from event_platform.sources.contract import Source
from event_platform.step import Step, step
from event_platform.trusted import quality
from event_platform.trusted.dates import rows_by_date
from event_platform.wording import counted


def checks_of_source(source: Source) -> list[dg.AssetChecksDefinition]:
    """The checks of a source's landing, stage and trusted tables."""
    return [
        _check_table(tables.ledger(source), [Check("fresh", "The last file is recent enough", _fresh(source), blocking=False)]),
        _check_table(
            tables.stage(source),
            [
                Check("landed_is_staged_or_quarantined", "landed = staged + quarantined, per landing date", _landed(source)),
                Check("quarantine_share", "Few enough lines are in quarantine", _quarantine_share(source), blocking=False),
            ],
        ),
        _check_table(
            tables.trusted(source),
            [
                Check("staged_is_trusted_or_superseded", "staged = trusted + superseded + expired, per landing date", _staged(source)),
                Check("unique_across_dates", "An event id is there once across all dates", _unique(source)),
                Check("stored_under_event_date", "year, month, day and kind agree with the event", _levels(source)),
                Check("schema_as_declared", "The table has the columns and types of the contract", _schema(tables.trusted(source))),
                *declared_tests(tables.trusted(source)),
            ],
        ),
    ]


def checks_of_aggregate(aggregate: Aggregate) -> list[dg.AssetChecksDefinition]:
    """The checks of one aggregate table."""
    counted = Check("counts_every_event", f"It counts every row of {aggregate.upstream.name} once", _counts_every_row(aggregate))
    has_counts = aggregate.counts in aggregate.table.column_names
    return [_check_table(aggregate.table, [*([counted] if has_counts else []), *declared_tests(aggregate.table)])]


def checks_of_alerts() -> list[dg.AssetChecksDefinition]:
    """The check of the alerts' delivery log."""
    return [_check_table(ALERTS, [Check("delivered", "No message waits after a try that failed", _delivered, blocking=False)])]


ALIVE = "alive"
AGREEING_DATES = 3
"""The check compares so many of the stream's last dates; `event-platform stream compare` all of them."""


def checks_of_stream() -> list[dg.AssetChecksDefinition]:
    """The checks of the windows that the stream counts."""
    return [
        _check_table(
            WINDOWS,
            [
                Check(ALIVE, "The stream runs, or ended well", _alive, blocking=False, is_error=True),
                Check(
                    "says_what_the_batch_says", f"A closed window counts what {BATCH.name} counts, or it is known why not", _agrees, blocking=False
                ),
            ],
        )
    ]


def _alive(work: Step) -> Verdict:
    beat = heartbeat.read(work.lake.environment)
    return Verdict(f"{beat.told} {beat.way_out}".strip(), passed=not beat.is_dead) if beat else Verdict("No stream was ever started.")


def _agrees(work: Step) -> Verdict:
    dates = work.dates or agreement.latest_dates(work.lake, AGREEING_DATES)
    found = agreement.compare(work.lake.here, work.duck, environment.read().stream.delay, dates)
    sum_of = agreement.total(found.by_date.values())
    named = [list(map(str, row)) for row in found.named]
    return Verdict(
        f"{counted(sum_of.windows, 'window')} compared, {sum_of.differing:,} differ, of which nothing explains {sum_of.unexplained:,}; the others "
        f"miss {sum_of.late:,} late and {sum_of.early:,} early events, and {sum_of.revised:,} were sent again with other contents. "
        f"{counted(sum_of.not_in_topic, 'event')} did not come through the topic. {agreement.WAY_OUT if found.faults else ''}".strip(),
        frozenset(found.by_date),
        found.faults,
        metadata={**asdict(sum_of), "until": str(found.until), "unexplained windows": dg.MetadataValue.json(named)},
    )


def _delivered(work: Step) -> Verdict:
    if not work.lake.exists(ALERTS):
        return Verdict("Nothing was ever to be told.")
    waiting = AlertLog(work.lake.here, work.duck, work.run_id).waiting().values()
    failed = [entry for entries in waiting for entry in entries if entry.state == "failed"]
    if not failed:
        return Verdict("No message waits after a try that failed.")
    return Verdict(f"{len(failed)} messages could not be delivered yet; see `event-platform alerts list --waiting`.", passed=False)


def _check_table(table: Table, checks: list[Check]) -> dg.AssetChecksDefinition:
    key = dg.AssetKey([table.layer, table.short_name])
    specs = [dg.AssetCheckSpec(check.name, asset=key, description=check.meaning, blocking=check.blocking) for check in checks]

    @dg.multi_asset_check(name=f"check_{table.layer}_{table.short_name}", specs=specs, can_subset=True)
    def look(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        with step(context, table) as work:
            for check in checks:
                if dg.AssetCheckKey(key, check.name) in context.selected_asset_check_keys:
                    yield _result(work, key, check, check.look(work))

    return look


def _result(work: Step, key: dg.AssetKey, check: Check, verdict: Verdict) -> dg.AssetCheckResult:
    severity = dg.AssetCheckSeverity.ERROR if check.blocking or check.is_error else dg.AssetCheckSeverity.WARN
    work.record_checks([_on(day, key, check.name, verdict.faults.get(day, 0), severity) for day in sorted(verdict.checked)])
    metadata = {"dates": len(verdict.checked), **verdict.metadata}
    if verdict.faults:
        metadata["faults"] = dg.MetadataValue.json({day.isoformat(): rows for day, rows in sorted(verdict.faults.items())})
    return dg.AssetCheckResult(
        passed=verdict.ok, check_name=check.name, asset_key=key, severity=severity, description=verdict.sentence, metadata=metadata
    )


def _on(day: date, key: dg.AssetKey, name: str, wrong: int, severity: dg.AssetCheckSeverity) -> dg.AssetCheckEvaluation:
    return dg.AssetCheckEvaluation(key, name, passed=not wrong, severity=severity, partition=day.isoformat(), metadata={"rows at fault": wrong})


def _landing_dates_written(work: Step, source: Source, everything: Iterable[date]) -> frozenset[date]:
    """Where files landed that this run claimed or parsed; those of which nothing was staged are told by the ledger and the quarantine alone."""
    stage, *beside = (work.lake.open(declare(source)) for declare in (tables.stage, tables.quarantine, tables.ledger))
    changes = [*changes_to_answer_for(work, stage), *(change for table in beside for change in table.changes_of(work.run_id))]
    written = work.dates.union(*(change.landing_dates for change in changes))
    return written if written or work.is_arrival else frozenset(everything)


def _fresh(source: Source) -> Callable[[Step], Verdict]:
    def look(work: Step) -> Verdict:
        last = max((file.claimed_at for file in ledger.read(work.lake, source, work.duck)), default=None)
        if source.fresh_within_hours is None or last is None:
            return Verdict("The contract asks for no freshness." if last else "Nothing has landed yet.")
        late = datetime.now(UTC) - last > timedelta(hours=source.fresh_within_hours)
        return Verdict(
            f"The last file was claimed at {last:%Y-%m-%d %H:%M} UTC; the contract allows {source.fresh_within_hours:g} h.", passed=not late
        )

    return look


def _landed(source: Source) -> Callable[[Step], Verdict]:
    def look(work: Step) -> Verdict:
        accounts = accounting.landed_by_date(work.lake, source, work.engine, taken_only=True)
        dates = _landing_dates_written(work, source, accounts) & accounts.keys()
        faults = {day: abs(a.landed - a.staged - a.quarantined - a.erased) for day, a in accounts.items() if day in dates and not a.landed_closes}
        total = sum((accounts[day] for day in dates), accounting.Account())
        erased = f" + {total.erased:,} erased" if total.erased else ""
        return Verdict(
            f"{total.landed:,} landed = {total.staged:,} staged + {total.quarantined:,} quarantined{erased}"
            if not faults
            else f"{source.name}: landed is not staged + quarantined + erased. Run `event-platform reprocess {source.name}` for the dates listed.",
            frozenset(dates),
            faults,
            metadata={"landed": total.landed, "staged": total.staged, "quarantined": total.quarantined, "erased": total.erased},
        )

    return look


def _quarantine_share(source: Source) -> Callable[[Step], Verdict]:
    def look(work: Step) -> Verdict:
        accounts = accounting.landed_by_date(work.lake, source, work.engine, taken_only=True)
        dates = _landing_dates_written(work, source, accounts) & accounts.keys()
        limit = source.quarantine_share_warning
        over = {day: accounts[day].quarantined for day in dates if accounts[day].quarantined > limit * accounts[day].landed}
        return Verdict(
            f"At most {limit:.2%} of the lines are in quarantine."
            if not over
            else f"More than {limit:.2%} of the lines are in quarantine; see `event-platform quarantine list {source.name}`.",
            frozenset(dates),
            over,
            metadata={"quarantined": sum(accounts[day].quarantined for day in dates)},
        )

    return look


def _staged(source: Source) -> Callable[[Step], Verdict]:
    def look(work: Step) -> Verdict:
        accounts = _accounts_of_run(work, source)
        faults = {day: abs(a.staged - a.trusted - a.superseded - a.expired) for day, a in accounts.items() if not a.staged_closes}
        total = sum(accounts.values(), accounting.Account())
        expired = f" + {total.expired:,} expired" if total.expired else ""
        sentence = f"{total.staged:,} staged = {total.trusted:,} trusted + {total.superseded:,} superseded{expired}"
        return Verdict(
            sentence,
            faults=faults,
            metadata={"staged": total.staged, "trusted": total.trusted, "superseded": total.superseded, "expired": total.expired},
        )

    return look


def _accounts_of_run(work: Step, source: Source) -> dict[date, accounting.Account]:
    """For an arrival run the files it staged; every landing date for a backfill, or when a run before failed over what it wrote to trusted."""
    trusted = work.lake.open(tables.trusted(source))
    untaken = {change.sequence for change in changes_to_answer_for(work, trusted)}
    if not work.is_arrival or untaken - {change.sequence for change in trusted.changes_of(work.run_id)}:
        return accounting.by_landing_date(work.lake, source, work.engine)
    changes = work.lake.open(tables.stage(source)).changes_of(work.run_id)
    if not changes:
        return {}
    if any(change.kind == "replacement" for change in changes):
        return accounting.by_landing_date(work.lake, source, work.engine, frozenset[date]().union(*(change.landing_dates for change in changes)))
    first, last = min(change.first_file_id for change in changes), max(change.last_file_id for change in changes)
    return accounting.fate_of_files(work.lake, source, work.engine, first, last)


def _unique(source: Source) -> Callable[[Step], Verdict]:
    def look(work: Step) -> Verdict:
        trusted, index = work.lake.open(tables.trusted(source)), work.lake.open(tables.seen(source))
        dates = dates_written(work, trusted)
        repeated = quality.repeated_events(work.engine, trusted, index, source.event_id, dates)
        return Verdict("No event id is there twice." if not repeated else "Some event ids are there more than once.", dates, repeated)

    return look


def _levels(source: Source) -> Callable[[Step], Verdict]:
    def look(work: Step) -> Verdict:
        trusted = work.lake.open(tables.trusted(source))
        dates = dates_written(work, trusted)
        misplaced = quality.misplaced_events(work.engine, trusted, source, dates)
        return Verdict("Every row lies where its time and kind say." if not misplaced else "Rows lie under a wrong date or kind.", dates, misplaced)

    return look


def _schema(table: Table) -> Callable[[Step], Verdict]:
    def look(work: Step) -> Verdict:
        differences = quality.schema_differences(work.lake.open(table))
        return Verdict("As declared." if not differences else "; ".join(differences), passed=not differences)

    return look


def _counts_every_row(aggregate: Aggregate) -> Callable[[Step], Verdict]:
    """Per event date; in all where an answer counts rows of several dates."""

    def look(work: Step) -> Verdict:
        answers, upstream = work.lake.open(aggregate.table), work.lake.open(aggregate.upstream)
        held, first = rows_by_date(upstream), first_recomputed(work.lake, aggregate)
        dates = frozenset(day for day in dates_written(work, answers) if day >= first)
        counted = quality.sum_by_date(work.engine, answers, aggregate.counts, dates if aggregate.reach.neighbours == 0 else rows_by_date(answers))
        if aggregate.reach.neighbours:
            missed = upstream.rows - sum(counted.values())
            return Verdict(f"It counts every row of {aggregate.upstream.name}." if not missed else f"{missed:+,} rows", passed=not missed)
        faults = {day: abs(held.get(day, 0) - counted.get(day, 0)) for day in dates if held.get(day, 0) != counted.get(day, 0)}
        what = f"what {aggregate.upstream.name} holds"
        return Verdict(f"It counts {what}." if not faults else f"It does not count {what}.", dates, faults)

    return look
