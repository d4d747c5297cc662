"""Tables in PostgreSQL: load, postgres."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from event_platform import environment
from event_platform.cli.terminal import tell, until_told_to_end
from event_platform.serving.postgres.chunks import RECORDS
from event_platform.serving.postgres.progress import Mode

app = typer.Typer()


@app.command()
def load(
    table: Annotated[str, typer.Argument(help="A trusted or aggregate table; the name of a source means its trusted table.")],
    mode: Annotated[Mode, typer.Option(help="bulk: the whole table, swapped in; chunks: so many records at a time.")] = Mode.bulk,
    target: Annotated[str | None, typer.Option(help="URL of the database; else EVENT_PLATFORM_POSTGRES, else the server in the home.")] = None,
    name: Annotated[str | None, typer.Option("--as", help="SCHEMA.TABLE there; the name in the lake when not given.")] = None,
    every: Annotated[float | None, typer.Option(help="Stay, and load every so many seconds; chunks do so by default, every 10.")] = None,
    records: Annotated[int, typer.Option(min=1, help="Records of a chunk.")] = RECORDS,
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
            tell(loads.sentence(wanted, loads.perform(wanted, Lake(here), duck)))
            return
        with until_told_to_end("ended"):
            loads.perform_repeatedly(wanted, Lake(here), duck, Event(), tell)


@app.command()
def postgres(halt: Annotated[bool, typer.Option("--stop", help="Stop the server.")] = False) -> None:
    """Start the PostgreSQL in the home, where tables are loaded when no target is given, and print its URL."""
    from event_platform.serving.postgres import server

    here = environment.read()
    if halt:
        tell("stopped" if server.stop(here) else "it does not run")
        return
    sys.stdout.write(f"{server.own_server(here)}\n")
    tell(f"a client for it is {server.client(here)}")
