"""`event-platform redshift`: tables in Amazon Redshift."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from event_platform import environment
from event_platform.cli.terminal import tell

app = typer.Typer(no_args_is_help=True, help="Tables in Amazon Redshift.")

TableName = Annotated[str, typer.Argument(help="A trusted or aggregate table; the name of a source means its trusted table.", show_default=False)]


@app.command("sql")
def print_sql(table: TableName) -> None:
    """Print the SQL of a first load and of reading the table where it lies; no AWS is needed."""
    from event_platform.serving.redshift.loads import script

    sys.stdout.write(script(table, environment.read()))


@app.command("load")
def load_table(table: TableName) -> None:
    """Bring what changed since the last load into Redshift, all of it or nothing."""
    from event_platform.engines.duckdb import connect
    from event_platform.lake.catalog import Lake
    from event_platform.serving.redshift.loads import load

    here = environment.read()
    with connect(here) as duck:
        tell(load(table, Lake(here), duck))
