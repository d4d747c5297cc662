"""`event-platform`: a thin face on the platform's functions. Exit codes are those of event_platform.errors."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table as Grid

from event_platform import alert_commands, environment, sources
from event_platform.errors import PlatformError, UsageError
from event_platform.lake.retention import KEEP_RUN_LOGS_DAYS, KEEP_SNAPSHOTS_DAYS
from event_platform.pulls.commands import poll_app, pull_app, serve_app
from event_platform.serving.forms import Format
from event_platform.serving.postgres.progress import Mode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from threading import Event

    import dagster as dg

    from event_platform.accounting import Status
    from event_platform.lake.catalog import Lake
    from event_platform.lake.maintenance import Upkeep
    from event_platform.runs import Outcome
    from event_platform.sources.contract import Source

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Event files in, tables out.")
quarantine_app = typer.Typer(no_args_is_help=True, help="Lines that could not be staged.")
app.add_typer(quarantine_app, name="quarantine")
app.add_typer(alert_commands.app, name="alerts")
sample_app = typer.Typer(no_args_is_help=True, help="Make sample files.")
app.add_typer(sample_app, name="sample")
app.add_typer(pull_app, name="pull")
app.add_typer(poll_app, name="poll")
app.add_typer(serve_app, name="serve")

out = Console(width=None if sys.stdout.isatty() else 240)
err = Console(stderr=True, soft_wrap=True)


SourceName = Annotated[str, typer.Argument(help="Name of a source.", show_default=False)]
SourceNames = Annotated[list[str] | None, typer.Argument(help="Names of sources; all when none is given.", show_default=False)]
FormatOption = Annotated[Format, typer.Option("--format", help="How to print.")]


@app.callback()
def _settings(debug: Annotated[bool, typer.Option("--debug", help="Show where an error came from.")] = False) -> None:
    globals()["_debug"] = debug


_debug = False


def main() -> None:
    """Run the command line; errors become one paragraph and the exit code of their class."""
    try:
        app()
    except PlatformError as error:
        if _debug or "--debug" in sys.argv:
            raise
        err.print(f"[bold red]Error:[/] {_plain(error)}", highlight=False)
        sys.exit(error.exit_code)


def _plain(error: object) -> str:
    return str(error).replace("[", "\\[")


def _tell(message: str) -> None:
    err.print(f"[dim]{datetime.now(UTC):%H:%M:%S}[/] {_plain(message)}", highlight=False)


def _chosen(names: Sequence[str] | None) -> list[Source]:
    return [sources.get(name) for name in names] if names else list(sources.all_sources().values())


@app.command()
def land(source: SourceName, paths: Annotated[list[Path], typer.Argument(help="Files, or folders with all files in them.")]) -> None:
    """Copy files into the landing; they are processed by `run`, `watch` or the sensor."""
    from event_platform.landing import queue

    landed = queue.land(environment.read(), sources.get(source), paths)
    _tell(f"{source}: landed {len(landed)} files")


@app.command()
def run(source: SourceNames = None) -> None:
    """Process what is pending until nothing is; exit code 0 only if every run and blocking check passed."""
    from event_platform.instance import open_instance
    from event_platform.lake.catalog import Lake
    from event_platform.runs import process_pending

    lake = Lake(environment.read())
    with open_instance() as instance, err.status("working …"):
        outcomes = [outcome for chosen in _chosen(source) for outcome in process_pending(lake, chosen, instance, _tell)]
    _exit_if_failed(outcomes)
    if not outcomes:
        _tell("nothing pending")
    _exit_if_open(lake, _chosen(source))


def _exit_if_failed(outcomes: Iterable[Outcome]) -> None:
    failed = [outcome for outcome in outcomes if not outcome.ok]
    for outcome in failed:
        for failure in outcome.failures:
            err.print(f"[bold red]Run {outcome.run_id[:8]} failed:[/] {_plain(failure)}", highlight=False)
    if failed:
        raise typer.Exit(1)


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

    chosen, stop = _chosen(source), Event()
    _tell(f"watching {', '.join(each.name for each in chosen)}; Ctrl-C ends")
    with ThreadPoolExecutor(1) as worker:  # Dagster would take Ctrl-C for itself in the main thread
        work = worker.submit(_process_arrivals, chosen, stop)
        try:
            work.result()
        except KeyboardInterrupt:
            _tell("ending after the run under way")
        finally:
            stop.set()
        work.result()


def _process_arrivals(chosen: Sequence[Source], stop: Event) -> None:
    from event_platform.instance import open_instance
    from event_platform.lake.catalog import Lake
    from event_platform.landing import queue
    from event_platform.runs import process_pending

    here = environment.read()
    lake = Lake(here)
    with open_instance() as instance:
        for names in queue.arrivals(here, chosen, stop):
            for outcome in (outcome for name in sorted(names) for outcome in process_pending(lake, sources.get(name), instance, _tell)):
                for failure in outcome.failures:
                    _tell(f"run {outcome.run_id[:8]} failed: {failure}")
            if stop.is_set():
                return


@app.command()
def sql(
    statement: Annotated[str | None, typer.Argument(help="A SELECT; without one a shell opens.", show_default=False)] = None,
    form: FormatOption = Format.table,
    output: Annotated[Path | None, typer.Option("--output", help="Write the answer to this file.")] = None,
) -> None:
    """Query landing.*, stage.*, quarantine.*, trusted.* and aggregate.*."""
    from event_platform.serving.sql import session

    here = environment.read()
    with session(here) as opened:
        if statement is None:
            from event_platform.serving.shell import interact

            interact(opened, here, _show, lambda message: err.print(f"[red]{_plain(message)}[/]", highlight=False))
        elif form is Format.table and output is None:
            _show(*opened.query(statement))
        elif form is Format.parquet and output is None:
            raise UsageError("Parquet cannot be printed; say where it goes with --output FILE.")
        elif output is None:
            opened.print(statement, form, sys.stdout.buffer)
        else:
            opened.export(statement, Format.csv if form is Format.table else form, output)


def _show(columns: Sequence[str], rows: Sequence[tuple[object, ...]]) -> None:
    grid = Grid(*columns, header_style="bold")
    for row in rows:
        grid.add_row(*("" if value is None else _plain(value) for value in row))
    out.print(grid)
    out.print(f"{len(rows):,} rows", style="dim")


@app.command()
def status(source: SourceNames = None, form: FormatOption = Format.table) -> None:
    """Does the accounting close? Lines over all time, per source."""
    found = _statuses(_chosen(source))
    rows = [_status_row(each) for each in found]
    if form is Format.json:
        sys.stdout.write(json.dumps(rows, default=str, indent=2) + "\n")
    elif form is Format.csv:
        import csv

        writer = csv.DictWriter(sys.stdout, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    elif form is Format.parquet:
        raise UsageError("status is printed as table, csv or json.")
    else:
        _show(list(rows[0]), [tuple(row.values()) for row in rows])


def _statuses(chosen: Sequence[Source]) -> list[Status]:
    from event_platform import accounting
    from event_platform.engines.duckdb import connect
    from event_platform.lake.catalog import Lake
    from event_platform.landing.claiming import count_pending

    here = environment.read()
    lake = Lake(here)
    with connect(here) as duck, err.status("counting …"):
        return [accounting.status(lake, source, duck, count_pending(lake, source)) for source in chosen]


def _status_row(found: Status) -> dict[str, object]:
    last = found.last_landed_at
    return {
        "source": found.source,
        "pending_files": found.pending_files,
        **asdict(found.total),
        "balanced": found.balanced,
        "last_landed_at": last.isoformat() if last else None,
    }


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
        outcome = run_dates(asset_of(table), first.date(), last.date(), instance, _tell)
        _exit_if_failed([outcome])
        _follow_up(instance, [source for source in _chosen(None) if table.endswith(f".{source.name}")])


def _follow_up(instance: dg.DagsterInstance, chosen: Sequence[Source]) -> None:
    """Bring downstream tables up to date after one was changed by hand."""
    from event_platform.lake.catalog import Lake
    from event_platform.runs import process_pending

    lake = Lake(environment.read())
    _exit_if_failed(outcome for source in chosen for outcome in process_pending(lake, source, instance, _tell))


@app.command()
def reprocess(
    source: SourceName,
    landed: Annotated[str | None, typer.Option("--landed", help="Landing dates D..D; all when not given.", show_default=False)] = None,
) -> None:
    """Parse the archive anew and rebuild what it fed."""
    chosen = sources.get(source)
    first, last = _span(landed) if landed else _landed_span(chosen)
    _reparse(chosen, first, last)


def _reparse(chosen: Source, first: date, last: date, tags: Mapping[str, str] | None = None) -> None:
    from event_platform.instance import open_instance
    from event_platform.runs import asset_of, run_dates

    with open_instance() as instance, err.status("working …"):
        _exit_if_failed([run_dates(asset_of(f"stage.{chosen.name}"), first, last, instance, _tell, tags)])
        _follow_up(instance, [chosen])


def _span(text: str) -> tuple[date, date]:
    first, dots, last = text.partition("..")
    try:
        span = date.fromisoformat(first), date.fromisoformat(last if dots else first)
    except ValueError:
        raise UsageError(f"{text!r} is not a span of dates; write 2026-01-01..2026-01-31.") from None
    if span[1] < span[0]:
        raise UsageError(f"{text!r} ends before it begins.")
    return span


def _landed_span(source: Source) -> tuple[date, date]:
    from event_platform.lake.catalog import Lake
    from event_platform.stage.staging import landed_dates

    landed = landed_dates(Lake(environment.read()), source)
    if not landed:
        raise UsageError(f"Nothing has landed for {source.name} yet; see `event-platform land --help`.")
    return min(landed), max(landed)


@app.command()
def load(
    table: Annotated[str, typer.Argument(help="A trusted or aggregate table; the name of a source means its trusted table.")],
    mode: Annotated[Mode, typer.Option(help="bulk: the whole table, swapped in; chunks: so many records at a time.")] = Mode.bulk,
    target: Annotated[str | None, typer.Option(help="URL of the database; else EVENT_PLATFORM_POSTGRES, else the server in the home.")] = None,
    name: Annotated[str | None, typer.Option("--as", help="SCHEMA.TABLE there; the name in the lake when not given.")] = None,
    every: Annotated[float | None, typer.Option(help="Stay, and load every so many seconds; chunks do so by default, every 10.")] = None,
    records: Annotated[int, typer.Option(help="Records of a chunk.")] = 1630,
    once: Annotated[bool, typer.Option("--once", help="One chunk, then end.")] = False,
) -> None:
    """Load a table into PostgreSQL. Ctrl-C ends what repeats itself; nothing is ever half loaded."""
    from threading import Event

    from event_platform.engines.duckdb import connect
    from event_platform.lake.catalog import Lake
    from event_platform.serving.postgres import loads

    here = environment.read()
    wanted = loads.make_load(table, mode, target, name, every, records)
    with connect(here) as duck:
        if once or (mode is Mode.bulk and every is None):
            _tell(loads.sentence(wanted, loads.perform(wanted, Lake(here), duck)))
            return
        try:
            loads.perform_repeatedly(wanted, Lake(here), duck, Event(), _tell)
        except KeyboardInterrupt:
            _tell("ended")


@app.command()
def postgres(halt: Annotated[bool, typer.Option("--stop", help="Stop the server.")] = False) -> None:
    """Start the PostgreSQL in the home, where tables are loaded when no target is given, and print its URL."""
    from event_platform.serving.postgres import server

    here = environment.read()
    if halt:
        _tell("stopped" if server.stop(here) else "it does not run")
        return
    sys.stdout.write(f"{server.own_server(here)}\n")
    _tell(f"a client for it is {server.client(here)}")


@app.command()
def maintain(
    snapshots_days: Annotated[float, typer.Option(help="How long old snapshots of the tables are kept.")] = KEEP_SNAPSHOTS_DAYS,
    run_logs_days: Annotated[float, typer.Option(help="How long the logs of finished runs are kept.")] = KEEP_RUN_LOGS_DAYS,
) -> None:
    """Erase stage past its retention, compact small files, expire snapshots, delete what nothing names any more, prune run logs."""
    from event_platform import upkeep
    from event_platform.engines.duckdb import connect
    from event_platform.instance import open_instance
    from event_platform.lake.catalog import Lake

    here = environment.read()
    lake = Lake(here)
    done: list[Upkeep] = []
    with connect(here) as duck, err.status("maintaining …"):
        for source in sources.all_sources().values():
            erased = upkeep.erase_old_stage(lake, source)
            if erased:
                _tell(f"{source.name}: erased {len(erased)} landing dates from stage (kept in trusted and in the archive)")
            done += upkeep.maintain_source(lake, source, duck, timedelta(days=snapshots_days))
    with open_instance() as instance:
        _tell(f"pruned the logs of {upkeep.prune_run_logs(instance, timedelta(days=run_logs_days))} runs")
    _show(["table", "compacted files", "expired snapshots", "removed files", "freed bytes"], [tuple(vars(each).values()) for each in done])


@app.command()
def doctor() -> None:
    """Say what is wrong with the configuration and the machine, and how to mend it; exit code 1 if anything is."""
    from event_platform.diagnosis import diagnose

    findings = diagnose()
    for finding in findings:
        mark = "[green]ok[/]  " if finding.ok else "[bold red]bad[/] "
        out.print(f"{mark} {_plain(finding.what)}", highlight=False)
        if not finding.ok:
            out.print(f"     → {_plain(finding.way_out)}", highlight=False)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


@app.command()
def demo() -> None:
    """Land sample payments, run everything, show the accounting and a first query."""
    from event_platform.demo import FIRST_QUERY, NEXT_STEPS
    from event_platform.samples.payments import write_sample

    here = environment.read()
    with err.status("making a sample of payment events …"):
        files = write_sample(here.scratch / "sample-payments")
    land("payments", files)
    run(["payments"])
    out.print("\n[bold]The accounting[/] (event-platform status)")
    status(["payments"])
    out.print(f'\n[bold]The first query[/] (event-platform sql "{FIRST_QUERY}")')
    sql(FIRST_QUERY)
    out.print(NEXT_STEPS)


@quarantine_app.command("list")
def quarantine_list(source: SourceName, form: FormatOption = Format.table) -> None:
    """Reasons, with how many lines of which landing dates."""
    chosen = sources.get(source)
    statement = f"""SELECT reason, landing_date, count(*) AS lines, count(DISTINCT landing_file) AS files
        FROM quarantine."{chosen.name}" GROUP BY ALL ORDER BY lines DESC, reason, landing_date"""
    sql(statement, form, None)


@quarantine_app.command("show")
def quarantine_show(
    source: SourceName,
    limit: Annotated[int, typer.Option(help="At most this many lines.")] = 50,
    reveal: Annotated[bool, typer.Option("--reveal", help="Show the lines themselves, which may hold personal data.")] = False,
    form: FormatOption = Format.table,
) -> None:
    """Each line in quarantine: where it is and why."""
    chosen = sources.get(source)
    line = ", line" if reveal else ""
    sql(
        f"""SELECT landing_date, landing_file, line_number, reason, line_bytes{line} FROM quarantine."{chosen.name}"
        ORDER BY file_id, line_number LIMIT {int(limit)}""",
        form,
        None,
    )


@quarantine_app.command("replay")
def quarantine_replay(source: SourceName) -> None:
    """Parse again what holds quarantined lines, after the contract or the file was fixed."""
    from event_platform.lake.catalog import Lake
    from event_platform.partitions import spans
    from event_platform.stage.staging import quarantined_dates
    from event_platform.step import ONLY_CHANGES_TAG

    chosen = sources.get(source)
    dates = quarantined_dates(Lake(environment.read()), chosen)
    if not dates:
        _tell(f"{source}: nothing is in quarantine")
    for first, last in spans(dates):
        _reparse(chosen, first, last, {ONLY_CHANGES_TAG: "true"})


@sample_app.command("payments")
def sample_payments(
    folder: Annotated[Path, typer.Argument(help="Where the files go.")] = Path("sample-payments"),
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 1,
    events: Annotated[int, typer.Option(help="How many events.")] = 20_000,
    days: Annotated[int, typer.Option(help="Over how many days.")] = 30,
) -> None:
    """Write payment events of a made-up provider, with duplicates and some bad lines."""
    from event_platform.samples.payments import write_sample

    written = write_sample(folder, seed=seed, events=events, days=days)
    _tell(f"wrote {len(written)} files to {folder}")


@sample_app.command("storefront")
def sample_storefront(
    folder: Annotated[Path, typer.Argument(help="Where the files go.")] = Path("sample-storefront"),
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 1,
    visits: Annotated[int, typer.Option(help="How many visits, of about two pages each.")] = 1_200,
    days: Annotated[int, typer.Option(help="Over how many days.")] = 7,
) -> None:
    """Write page views of a made-up web shop, with duplicates, late ones and some bad lines."""
    from event_platform.samples.storefront import write_sample

    written = write_sample(folder, seed=seed, visits=visits, days=days)
    _tell(f"wrote {len(written)} files to {folder}")


if __name__ == "__main__":
    main()
