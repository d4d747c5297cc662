"""`event-platform explore`: plots and SQL in the browser."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from event_platform import environment

app = typer.Typer()


@app.command()
def explore(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where to listen, on this machine alone.")] = 2718,
    headless: Annotated[bool, typer.Option("--headless", help="Print the address, open no browser.")] = False,
    edit: Annotated[bool, typer.Option("--edit", help="Open a copy of the notebook, kept in the home, to change it.")] = False,
    reveal: Annotated[bool, typer.Option("--reveal", help="Show personal values.")] = False,
) -> None:
    """Open plots of all feeds, and SQL, in the browser. Ctrl-C ends it."""
    from event_platform.serving.explore import launch

    command = launch.command(environment.read(), port=port, headless=headless, edit=edit, reveal=reveal)
    os.execv(command[0], command)  # noqa: S606 - the server takes this process's place, so that Ctrl-C is its own
