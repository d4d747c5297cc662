"""`event-platform quarantine ...`: lines that could not be staged."""

from __future__ import annotations

from typing import Annotated

import typer

from event_platform import environment, sources
from event_platform.cli.flow import reparse
from event_platform.cli.look import sql
from event_platform.cli.terminal import PrintedOption, SourceName, tell
from event_platform.serving.forms import Format

app = typer.Typer(no_args_is_help=True, help="Lines that could not be staged.")


@app.command("list")
def quarantine_list(source: SourceName, form: PrintedOption = Format.table) -> None:
    """Reasons, with how many lines of which landing dates."""
    chosen = sources.get(source)
    statement = f"""SELECT reason, landing_date, count(*) AS lines, count(DISTINCT landing_file) AS files
        FROM quarantine."{chosen.name}" GROUP BY ALL ORDER BY lines DESC, reason, landing_date"""
    sql(statement, form, None)


@app.command("show")
def quarantine_show(
    source: SourceName,
    limit: Annotated[int, typer.Option(min=1, help="At most this many lines.")] = 50,
    reveal: Annotated[bool, typer.Option("--reveal", help="Show the lines themselves, which may hold personal data.")] = False,
    form: PrintedOption = Format.table,
) -> None:
    """Each line in quarantine: where it is and why."""
    chosen = sources.get(source)
    line = ", line" if reveal else ""
    sql(
        f"""SELECT landing_date, landing_file, line_number, reason, line_bytes{line} FROM quarantine."{chosen.name}"
        ORDER BY file_id, line_number LIMIT {limit}""",
        form,
        None,
    )


@app.command("replay")
def quarantine_replay(source: SourceName) -> None:
    """Parse again what holds quarantined lines, after the contract or the file was fixed."""
    from event_platform.lake.catalog import Lake
    from event_platform.partitions import spans
    from event_platform.stage.staging import quarantined_dates
    from event_platform.step import ONLY_CHANGES_TAG

    chosen = sources.get(source)
    dates = quarantined_dates(Lake(environment.read()), chosen)
    if not dates:
        tell(f"{source}: nothing is in quarantine")
    for first, last in spans(dates):
        reparse(chosen, first, last, {ONLY_CHANGES_TAG: "true"})
