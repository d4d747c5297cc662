"""`event-platform alerts …`: a round by hand, what the log says, a test message."""

import sys
from typing import Annotated

import typer

from event_platform import environment, sources
from event_platform.cli import terminal
from event_platform.cli.terminal import PrintedOption, tell
from event_platform.errors import UsageError
from event_platform.serving.forms import Format

app = typer.Typer(no_args_is_help=True, help="Alerts on the weather.")
NEEDED_BY = "An alert on the weather"


@app.command()
def run() -> None:
    """Look at new observations and send what is due; exit code 1 if the round failed."""
    from event_platform.alerts import configuration
    from event_platform.instance import open_instance
    from event_platform.runs import run_alerts

    sources.require_example("weather", NEEDED_BY)
    configuration.read(environment.read().alerts)
    with open_instance() as instance:
        outcome = run_alerts(instance, tell)
    for failure in outcome.failures:
        tell(f"run {outcome.run_id[:8]} failed: {failure}")
    if not outcome.ok:
        raise typer.Exit(1)


@app.command("list")
def show(
    waiting: Annotated[bool, typer.Option("--waiting", help="Only what is not delivered yet.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most this many messages, the newest.")] = 50,
    form: PrintedOption = Format.table,
) -> None:
    """How each message stands: what was told to whom, what waits, what failed and why."""
    from event_platform.alerts.log import LATEST
    from event_platform.serving.sql import session

    sources.require_example("weather", NEEDED_BY)
    statement = f"""SELECT observed_at, kind, rule, place, measure, value, recipient, state, attempt, due_at, error
        FROM (FROM aggregate.weather_alerts QUALIFY {LATEST}) {"WHERE state IN ('due', 'failed')" if waiting else ""}
        ORDER BY observed_at DESC, rule, place, recipient LIMIT {limit}"""
    with session(environment.read()) as opened:
        if form is not Format.table:
            opened.print(statement, form, sys.stdout.buffer)
            return
        terminal.show(*opened.query(statement))


@app.command()
def test(recipient: Annotated[str, typer.Argument(help="Name of a recipient in alerts.toml.", show_default=False)]) -> None:
    """Send a recipient a test message, at once and whatever its hours."""
    from event_platform.alerts import channels, configuration
    from event_platform.alerts.messages import TEST

    wanted = configuration.read(environment.read().alerts)
    if recipient not in wanted.recipients:
        raise UsageError(f"alerts.toml has no recipient {recipient!r}. It has: {', '.join(sorted(wanted.recipients))}.")
    channels.send(wanted.recipients[recipient], TEST)
    tell(f"{recipient}: the service took the test message")
