"""`event-platform demo`: every feed from its sample to an answer, in one go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from event_platform import environment, sources
from event_platform.cli.flow import land, run
from event_platform.cli.look import status
from event_platform.cli.terminal import SourceNames, activation, chosen_sources, draw, err, out, plain, tell
from event_platform.errors import UsageError
from event_platform.scratch import passing_folder

if TYPE_CHECKING:
    from event_platform.demo import Showing
    from event_platform.serving.sql import Session

app = typer.Typer()


@app.command()
def demo(source: SourceNames = None) -> None:
    """Land a sample of each feed, run everything, show the accounting and a first answer from each."""
    from event_platform.demo import NEXT_STEPS, SHOWINGS
    from event_platform.serving.sql import session

    wanted = [each.name for each in chosen_sources(source) if each.name in SHOWINGS] if source else list(SHOWINGS)
    for name in wanted:
        sources.require_example(name, "The demo")
    shown = [name for name in wanted if _landed(name, SHOWINGS[name])]
    run(shown)
    out.print("\n[bold]The accounting[/] [dim](event-platform status)[/]")
    status(shown)
    with session(environment.read()) as opened:
        for name in shown:
            _answer(opened, name, SHOWINGS[name])
    out.print(NEXT_STEPS.format(enter=activation()), highlight=False)


def _landed(name: str, showing: Showing) -> bool:
    """Whether the feed's sample could be made; it is landed then."""
    here = environment.read()
    with passing_folder(here.scratch, "demo-") as folder:
        try:
            with err.status(f"{name}: making a sample …"):
                files = showing.make(here, folder)
        except UsageError as error:
            tell(f"{name} is left out. {error}")
            return False
        land(name, files)
    return True


def _answer(opened: Session, name: str, showing: Showing) -> None:
    from rich.box import SIMPLE_HEAD

    columns, rows = opened.query(showing.query)
    out.print(f"\n[bold]{name}: {showing.question}[/]")
    out.print(f'event-platform sql "{plain(showing.query)}"', style="dim", highlight=False)
    draw(columns, rows, SIMPLE_HEAD)
