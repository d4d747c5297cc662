"""`event-platform monitor`: figures for Prometheus."""

from __future__ import annotations

from typing import Annotated

import typer

from event_platform import environment
from event_platform.cli.terminal import tell, until_told_to_end

app = typer.Typer()


@app.command()
def monitor(
    host: Annotated[str, typer.Option(help="Where to listen; anybody who reaches it may read the figures.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")] = 9464,
    every: Annotated[float, typer.Option(min=1, help="Seconds between two looks.")] = 30,
) -> None:
    """Serve figures on every feed, table and run to Prometheus at /metrics, until Ctrl-C or SIGTERM."""
    from event_platform.monitoring.serve import serve

    with until_told_to_end("no longer monitoring"):
        serve(environment.read(), host, port, every, tell)
