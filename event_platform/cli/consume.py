"""`event-platform consume`: topics in Kafka."""

from __future__ import annotations

from typing import Annotated

import typer

from event_platform import environment
from event_platform.cli.terminal import SourceNames, chosen_sources, tell, until_told_to_end

app = typer.Typer()


@app.command()
def consume(
    names: SourceNames = None,
    until_caught_up: Annotated[
        bool, typer.Option("--until-caught-up", help="End once all that was in the topics has landed; for cron and CI.")
    ] = False,
) -> None:
    """Land the messages of topics, each offset once; for all feeds that have a topic when none is named. Ctrl-C or SIGTERM ends it."""
    from threading import Event

    from event_platform.realtime.kafka.client import kafka_of

    here = environment.read()
    kafka_of(here)
    from event_platform.realtime.kafka import consume as consumption

    chosen = consumption.streamed(here, chosen_sources(names), named=bool(names))
    consumption.prepare(here, chosen)
    with until_told_to_end("ended"):
        tell(f"consuming {', '.join(each.name for each in chosen)}{'' if until_caught_up else '; Ctrl-C ends'}")
        consumption.consume(here, chosen, Event(), tell, until_caught_up)
