"""`event-platform consume-kinesis`: weather from a stream of Amazon Kinesis."""

from __future__ import annotations

from typing import Annotated

import typer

from event_platform import environment, sources
from event_platform.cli.terminal import tell, until_told_to_end
from event_platform.errors import UsageError

app = typer.Typer()


@app.command("consume-kinesis")
def consume_kinesis(
    source: Annotated[str, typer.Argument(help="Name of a source; weather is the only one there is for Kinesis.")] = "weather",
    stream: Annotated[str | None, typer.Option(help="Name of the stream; that of the source when not given.", show_default=False)] = None,
    until_caught_up: Annotated[bool, typer.Option("--until-caught-up", help="End when nothing is left for now.")] = False,
) -> None:
    """Land what comes through a stream, and send alerts at once. Ctrl-C or SIGTERM ends it at any time; nothing is lost or doubled."""
    from event_platform.realtime.kinesis.consumer import consume

    if source != "weather":
        raise UsageError(f"{source} is not consumed from Kinesis; weather is. Firehose brings events of other sources, see docs/kinesis.md.")
    sources.require_example(source, "What comes through Kinesis")
    with until_told_to_end("ended"):
        consume(environment.read(), stream or source, tell, until_caught_up=until_caught_up)
