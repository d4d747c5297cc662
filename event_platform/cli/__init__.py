"""`event-platform`: a thin face on the platform's functions. Exit codes are those of event_platform.errors."""

from __future__ import annotations

import logging
import signal
import sys
from importlib.metadata import version
from typing import Annotated

import typer

from event_platform import environment, logs
from event_platform.cli import (
    alerts,
    care,
    collect,
    consume,
    demo,
    explore,
    feeds,
    flow,
    kinesis,
    load,
    look,
    monitor,
    privacy,
    project,
    pulls,
    quarantine,
    redshift,
    sample,
    schemas,
    stream,
)
from event_platform.cli.terminal import err, plain
from event_platform.errors import PlatformError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Event files in, tables out.")
for topic in (project, demo, flow, look, feeds, explore, load, care, collect, consume, kinesis, monitor, privacy):
    app.add_typer(topic.app)
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(alerts.app, name="alerts")
app.add_typer(pulls.pull_app, name="pull")
app.add_typer(pulls.poll_app, name="poll")
app.add_typer(pulls.serve_app, name="serve")
app.add_typer(redshift.app, name="redshift")
app.add_typer(sample.app, name="sample")
app.add_typer(schemas.app, name="schema")
app.add_typer(stream.app, name="stream")


def _say_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"event-platform {version('event-platform')}\n")
        raise typer.Exit


@app.callback()
def _settings(
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error came from.")] = False,
    _version: Annotated[bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Print the version and end.")] = False,
) -> None:
    globals()["_debug"] = debug


_debug = False


def main() -> None:
    """Run the command line; errors become one paragraph and the exit code of their class."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a script's `&` has it ignored, and Dagster would then ignore SIGTERM too
    _log_as_told()
    try:
        app()
    except PlatformError as error:
        if _debug or "--debug" in sys.argv:
            raise
        err.print(f"[bold red]Error:[/] {plain(error)}", highlight=False)
        sys.exit(error.exit_code)


def _log_as_told() -> None:
    """Have what libraries log through Python come out as JSON too, where that is wanted."""
    if environment.logs_as_json():
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logs.Lines())
        logging.getLogger().addHandler(handler)
