"""A project of one's own: init, ui."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import Annotated

import typer

from event_platform import environment
from event_platform.cli.terminal import activation, out, plain
from event_platform.errors import ConfigurationError

app = typer.Typer()

QUIET = "ignore:Function `dev_command` is superseded"
"""Of Python's warnings: that Dagster has another command, which whoever starts the UI does not type."""

NEXT_STEPS = """
[bold]What next[/]{enter}
  event-platform land parcels samples/parcels.json   the sample of the example feed, into the queue
  event-platform run parcels                         processes it
  event-platform sql "FROM trusted.parcels"          asks
  pytest                                             tries the contract on its sample (pip install pytest)
  event-platform ui                                  the same in the browser, with sensors
"""


@app.command()
def init(folder: Annotated[Path, typer.Argument(help="A folder that is empty or not there yet.", show_default=False)]) -> None:
    """Make a project: workspace.yaml, dagster.yaml, event-platform.toml, an example contract with a sample, and a test."""
    from event_platform.starting import start_project

    written = start_project(folder)
    out.print(f"{plain(folder)} has {', '.join(plain(path) for path in written)}", highlight=False, soft_wrap=True)
    enter = "" if folder.absolute() == Path.cwd() else f"\n  cd {plain(folder)}"
    out.print(NEXT_STEPS.format(enter=activation() + enter), highlight=False)


@app.command()
def ui(
    host: Annotated[str, typer.Option(help="Where to listen; whoever reaches it may start runs.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port.")] = 3000,
) -> None:
    """Open Dagster's UI for the project, with its sensors and schedules. Ctrl-C ends it."""
    project = environment.project()
    if project is None:
        raise ConfigurationError("There is no project in this folder or above it; make one with `event-platform init my-platform`, and go there.")
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
        except OSError as error:
            raise ConfigurationError(
                f"Nothing can listen on {host}:{port} ({error.strerror}); choose another with --port or make ui PORT=…"
            ) from error
    os.chdir(project)
    command = [sys.executable, "-m", "dagster", "dev", "-h", host, "-p", str(port)]
    told = {"DAGSTER_HOME": str(environment.folder_of_dagster()), "DAGSTER_DISABLE_TELEMETRY": "1"}  # else it speaks of a temporary folder
    warnings = {"PYTHONWARNINGS": ",".join([QUIET, *filter(None, [os.environ.get("PYTHONWARNINGS")])])}
    os.execve(command[0], command, told | os.environ | warnings)  # noqa: S606 - the UI takes this process's place, so that Ctrl-C is its own
