"""`event-platform stream …`: what is counted while it passes."""

from __future__ import annotations

from dataclasses import astuple
from typing import Annotated

import typer

from event_platform import environment, sources
from event_platform.aggregate.agreement import OnDate
from event_platform.cli.terminal import show, tell, until_told_to_end
from event_platform.wording import counted

app = typer.Typer(no_args_is_help=True, help="What is counted while it passes.")


@app.command()
def clickstream(
    until_caught_up: Annotated[bool, typer.Option("--until-caught-up", help="End when all that is in the topic has been counted.")] = False,
    anew: Annotated[bool, typer.Option("--anew", help="Forget what was read: count all that the topic holds again.")] = False,
) -> None:
    """Count the topic's events in windows of five seconds, into aggregate.clickstream_windows_live. Ctrl-C or SIGTERM ends it."""
    from event_platform.realtime.windows.process import stream

    sources.require_example("clickstream", "The stream")
    with until_told_to_end("the stream has ended; what was counted is in the lake"):
        stream(environment.read(), tell, until_caught_up, anew)


@app.command()
def compare() -> None:
    """Do the windows of the stream say what the batch's say, on each date? Exit code 1 if a window differs and nothing explains it."""
    from event_platform.aggregate import agreement
    from event_platform.engines.duckdb import connect
    from event_platform.lake.catalog import Lake

    sources.require_example("clickstream", "The stream")
    here = environment.read()
    with connect(here) as duck:
        found = agreement.compare(Lake(here), duck, here.stream.delay)
    show(("date", *OnDate.__dataclass_fields__), [(day, *astuple(counts)) for day, counts in sorted(found.by_date.items())])
    tell(f"compared until {found.until:%Y-%m-%d %H:%M:%S} UTC" if found.until else "There is nothing to compare yet.")
    if not_in_topic := agreement.total(found.by_date.values()).not_in_topic:
        tell(f"{counted(not_in_topic, 'event')} did not come through the topic, so the stream cannot count them")
    for each in found.named:
        tell(each.told)
    if found.faults:
        tell(agreement.WAY_OUT)
        raise typer.Exit(1)
