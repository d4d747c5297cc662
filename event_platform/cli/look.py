"""What is in the lake and whether it is right: sql, status, doctor."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from event_platform import environment
from event_platform.cli.terminal import FormatOption, PrintedOption, SourceNames, chosen_sources, err, out, plain, show
from event_platform.errors import UsageError
from event_platform.serving.engines import Engine, arrow
from event_platform.serving.forms import Format
from event_platform.serving.roles import Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from event_platform.accounting import Status
    from event_platform.serving.sql import Session
    from event_platform.sources.contract import Source

app = typer.Typer()


@app.command()
def sql(
    statement: Annotated[str | None, typer.Argument(help="A SELECT; without one what is piped in, or a shell.", show_default=False)] = None,
    form: FormatOption = Format.table,
    output: Annotated[Path | None, typer.Option("--output", help="Write the answer to this file.")] = None,
    engine: Annotated[Engine, typer.Option("--engine", help="What runs it; others than duckdb want one statement in their own SQL.")] = Engine.duckdb,
    role: Annotated[Role | None, typer.Option("--role", help="See what this role sees; everything in clear when none is given.")] = None,
) -> None:
    """Query landing.*, stage.*, quarantine.*, trusted.* and aggregate.*."""
    from event_platform.serving.sql import session

    here = environment.read()
    if role and engine is not Engine.duckdb:
        raise UsageError(f"--role is for duckdb; what {engine} shows to whom, its own rules say (`event-platform trino-rules` makes those of Trino).")
    with session(here, role=role) as opened:
        if engine is not Engine.duckdb:
            if statement is None and sys.stdin.isatty():
                raise UsageError(f"{engine} has no shell here; give a statement, or pipe one in.")
            opened.duck.register("answer", arrow(engine, here, sys.stdin.read() if statement is None else statement))
            _answer(opened, "SELECT * FROM answer", form, output)
            return
        if statement is None and sys.stdin.isatty():
            from event_platform.serving.shell import interact

            interact(
                opened,
                here,
                show,
                lambda text: out.print(plain(text), highlight=False),
                lambda message: err.print(f"[red]{plain(message)}[/]", highlight=False),
            )
            return
        for each in opened.statements(sys.stdin.read() if statement is None else statement):
            _answer(opened, each, form, output)


def _answer(opened: Session, statement: str, form: Format, output: Path | None) -> None:
    if output is not None:
        by_suffix = Format(output.suffix[1:]) if output.suffix[1:] in ("csv", "json", "parquet") else Format.csv
        opened.export(statement, by_suffix if form is Format.table else form, output)
    elif form is Format.table:
        show(*opened.query(statement))
    elif form is Format.parquet:
        raise UsageError("Parquet cannot be printed; say where it goes with --output FILE.")
    else:
        opened.print(statement, form, sys.stdout.buffer)


@app.command()
def status(
    source: SourceNames = None,
    form: PrintedOption = Format.table,
    check: Annotated[bool, typer.Option("--check", help="End with exit code 1 if the accounting does not close.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Stay, and show what metadata says again and again.")] = False,
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks of --watch.")] = 5,
) -> None:
    """Does the accounting close? Lines over all time, per source."""
    if watch:
        from event_platform.cli import watching

        if check or form is not Format.table:
            raise UsageError("--watch goes neither with --check nor with --format; leave one out.")
        watching.watch(environment.read(), chosen_sources(source), every)
        return
    found = _statuses(chosen_sources(source))
    rows = [_status_row(each) for each in found]
    if form is Format.json:
        sys.stdout.write(json.dumps(rows, default=str, indent=2) + "\n")
    elif form is Format.csv:
        import csv

        writer = csv.DictWriter(sys.stdout, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    else:
        show(list(rows[0]), [tuple(row.values()) for row in rows])
    if still_open := [each.source for each in found if not each.balanced]:
        err.print(f"[bold red]The accounting does not close for {', '.join(still_open)};[/] a run may be under way, otherwise: event-platform run")
        if check:
            raise typer.Exit(1)


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
def doctor() -> None:
    """Say what is wrong with the configuration and the machine, and how to mend it; exit code 1 if anything is."""
    from event_platform.diagnosis import diagnose

    findings = diagnose()
    for finding in findings:
        mark = "[green]ok[/]  " if finding.ok else "[bold red]bad[/] "
        out.print(f"{mark} {plain(finding.what)}", highlight=False)
        if not finding.ok:
            out.print(f"     → {plain(finding.way_out)}", highlight=False)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)
