"""`event-platform collect`: events posted over HTTP."""

from __future__ import annotations

from typing import Annotated

import typer

from event_platform import environment

app = typer.Typer()


@app.command()
def collect(
    host: Annotated[str, typer.Option(help="Where to listen; elsewhere than on this machine only with keys.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port.")] = 8080,
    workers: Annotated[int, typer.Option(min=1, help="Processes that share the work.")] = 1,
) -> None:
    """Take events over HTTP; what is acknowledged is on disk. Ctrl-C or SIGTERM ends it after what is under way."""
    from event_platform.realtime.serve import serve

    serve(environment.read(), host, port, workers)
