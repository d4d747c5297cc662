"""Files in, tables out: land, run, watch, backfill, reprocess."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from event_platform import environment, sources
from event_platform.cli.terminal import SourceName, SourceNames, chosen_sources, err, exit_if_failed, plain, tell, until_told_to_end
from event_platform.errors import ConfigurationError, UsageError
from event_platform.wording import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from threading import Event

    import dagster as dg

    from event_platform.lake.catalog import Lake
    from event_platform.sources.contract import Source

app = typer.Typer()


@app.command()
def land(source: SourceName, paths: Annotated[list[Path], typer.Argument(help="Files, or folders with all files in them.")]) -> None:
    """Copy files into the landing; they are processed by `run`, `watch` or the sensor."""
    from event_platform.landing import queue

    landed = queue.land(environment.read(), sources.get(source), paths)
    if landed:
        tell(f"{source}: landed {counted(len(landed), 'file')}")
    else:
        tell(f"{source}: nothing landed, for there is no file in {', '.join(map(str, paths))} (hidden and unfinished files and links do not count)")


@app.command()
def run(source: SourceNames = None) -> None:
    """Process what is pending until nothing is; exit code 0 only if every run and blocking check passed."""
    from event_platform.instance import open_instance
    from event_platform.lake.catalog import Lake
    from event_platform.runs import process_pending

    lake, chosen = Lake(environment.read()), chosen_sources(source)
    sound = _sound(chosen)
    with open_instance() as instance, err.status("working …"):
        _fail_dead(instance)
        outcomes = [outcome for each in sound for outcome in process_pending(lake, each, instance, tell)]
    exit_if_failed(outcomes)
    if not outcomes:
        tell("nothing pending")
    _exit_if_open(lake, chosen)
    if sound != chosen:
        raise typer.Exit(ConfigurationError.exit_code)


def _fail_dead(instance: dg.DagsterInstance) -> None:
    from event_platform.dead_runs import fail_dead, told

    for run_id in fail_dead(instance):
        tell(told(run_id))


def _sound(chosen: Sequence[Source]) -> list[Source]:
    """Those whose contracts can be used; of the others it is told that they are left out, for their fault is not that of all.

    Raises ConfigurationError, before anything is done, when none is left or the engine of a table cannot be used.
    """
    from event_platform.diagnosis import require_known_tables
    from event_platform.engines.duckdb import connect
    from event_platform.soundness import require_sound

    require_known_tables()
    faults: dict[str, ConfigurationError] = {}
    with connect(environment.read()) as duck:
        for source in chosen:
            try:
                require_sound(source, duck)
            except ConfigurationError as error:
                faults[source.name] = error
    if len(faults) == len(chosen):
        raise next(iter(faults.values()))
    for name, fault in faults.items():
        err.print(f"[bold red]{name} is left out:[/] {plain(fault)}", highlight=False)
    return [source for source in chosen if source.name not in faults]


def _exit_if_open(lake: Lake, chosen: Sequence[Source]) -> None:
    from event_platform import accounting

    still_open = [source.name for source in chosen if not accounting.counts_close(lake, source)]
    if still_open:
        err.print(f"[bold red]The accounting does not close for {', '.join(still_open)};[/] see `event-platform status`.")
        raise typer.Exit(1)


@app.command()
def watch(source: SourceNames = None) -> None:
    """Stay, and process files the moment they appear. Ctrl-C ends it after the run under way."""
    from concurrent.futures import ThreadPoolExecutor
    from threading import Event

    chosen, stop, at_work = _sound(chosen_sources(source)), Event(), Event()
    with ThreadPoolExecutor(1) as worker:  # Dagster would take Ctrl-C for itself in the main thread
        with until_told_to_end(lambda: "ending after the run under way" if at_work.is_set() else "ended"):
            tell(f"watching {', '.join(each.name for each in chosen)}; Ctrl-C ends")
            work = worker.submit(_process_arrivals, chosen, stop, at_work)
            try:
                work.result()
            finally:
                stop.set()
        work.result()


def _process_arrivals(chosen: Sequence[Source], stop: Event, at_work: Event) -> None:
    """Process what arrives until told to stop; `at_work` is set while a run may be under way."""
    from event_platform.instance import open_instance
    from event_platform.lake.catalog import Lake
    from event_platform.landing.watching import arrivals
    from event_platform.runs import process_in_turn

    here = environment.read()
    lake = Lake(here)
    with open_instance() as instance:
        _fail_dead(instance)
        failed: set[str] = set()
        for number, names in enumerate(arrivals(here, chosen, stop)):
            at_work.set()
            failed -= names
            turns = sorted((source for source in chosen if source.name not in failed), key=lambda source: source.name not in names)
            ran = False
            for source, outcome in process_in_turn(lake, turns, instance, tell, stop):
                ran = True
                failed |= set() if outcome.ok else {source.name}
                for failure in outcome.failures:
                    tell(f"run {outcome.run_id[:8]} failed: {failure}")
            at_work.clear()
            if stop.is_set():
                return
            if ran or number == 0:
                tell("what was there is processed; waiting for files")


@app.command()
def backfill(
    table: Annotated[str, typer.Argument(help="A table such as trusted.payments.")],
    first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First date.")],
    last: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="Last date, included.")],
) -> None:
    """Materialize a table for a range of its dates (landing dates for landing and stage, event dates for the others), in one run."""
    from event_platform.instance import open_instance
    from event_platform.runs import asset_of, run_dates

    if last < first:
        raise UsageError(f"--to {last:%Y-%m-%d} lies before --from {first:%Y-%m-%d}.")
    with open_instance() as instance, err.status("working …"):
        outcome = run_dates(asset_of(table), first.date(), last.date(), instance, tell)
        exit_if_failed([outcome])
        follow_up(instance, [source for source in chosen_sources(None) if table.endswith(f".{source.name}")])


def follow_up(instance: dg.DagsterInstance, chosen: Sequence[Source]) -> None:
    """Bring downstream tables up to date after one was changed by hand."""
    from event_platform.lake.catalog import Lake
    from event_platform.runs import process_pending

    lake = Lake(environment.read())
    exit_if_failed(outcome for source in chosen for outcome in process_pending(lake, source, instance, tell))


@app.command()
def reprocess(
    source: SourceName,
    landed: Annotated[str | None, typer.Option("--landed", help="Landing dates D..D; all when not given.", show_default=False)] = None,
) -> None:
    """Parse the archive anew and rebuild what it fed."""
    chosen = sources.get(source)
    there = _landed_dates(chosen)
    if not landed and not there:
        raise UsageError(f"Nothing has landed for {source} yet; see `event-platform land --help`.")
    first, last = _span(landed) if landed else (there[0], there[-1])
    if there and not any(first <= day <= last for day in there):
        tell(f"{source}: nothing landed from {first} to {last}; files are there of {there[0]} to {there[-1]}")
    reparse(chosen, first, last)


def reparse(chosen: Source, first: date, last: date, tags: Mapping[str, str] | None = None) -> None:
    """Parse the archive of these landing dates anew and bring everything downstream up to date."""
    from event_platform.instance import open_instance
    from event_platform.runs import asset_of, run_dates

    _sound([chosen])
    with open_instance() as instance, err.status("working …"):
        exit_if_failed([run_dates(asset_of(f"stage.{chosen.name}"), first, last, instance, tell, tags)])
        follow_up(instance, [chosen])


def _span(text: str) -> tuple[date, date]:
    first, dots, last = text.partition("..")
    try:
        span = date.fromisoformat(first), date.fromisoformat(last if dots else first)
    except ValueError:
        raise UsageError(f"{text!r} is not a span of dates; write 2026-01-01..2026-01-31.") from None
    if span[1] < span[0]:
        raise UsageError(f"{text!r} ends before it begins.")
    return span


def _landed_dates(source: Source) -> list[date]:
    from event_platform.lake.catalog import Lake
    from event_platform.stage.staging import landed_dates

    return sorted(landed_dates(Lake(environment.read()), source))
