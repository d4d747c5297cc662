"""`event-platform stream …`: what is counted while it passes."""

from __future__ import annotations

from typing import Annotated

import typer

from event_platform import environment
from event_platform.cli.terminal import tell, until_told_to_end

app = typer.Typer(no_args_is_help=True, help="What is counted while it passes.")


@app.command()
def clickstream(
    until_caught_up: Annotated[bool, typer.Option("--until-caught-up", help="End when all that is in the topic has been counted.")] = False,
    anew: Annotated[bool, typer.Option("--anew", help="Forget what was read: count all that the topic holds again.")] = False,
) -> None:
    """Count the topic's events in windows of five seconds, into aggregate.clickstream_windows_live. Ctrl-C or SIGTERM ends it."""
    from event_platform.realtime.windows.process import stream

    with until_told_to_end("the stream has ended; what was counted is in the lake"):
        stream(environment.read(), tell, until_caught_up, anew)
