"""Made-up events: `event-platform sample ...`, and the demo that runs on them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from event_platform import environment
from event_platform.cli.flow import land, run
from event_platform.cli.look import sql, status
from event_platform.cli.terminal import err, out, tell

app = typer.Typer(no_args_is_help=True, help="Make sample files.")
demo_app = typer.Typer()


@app.command("payments")
def sample_payments(
    folder: Annotated[Path, typer.Argument(help="Where the files go.")] = Path("sample-payments"),
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 1,
    events: Annotated[int, typer.Option(help="How many events.")] = 20_000,
    days: Annotated[int, typer.Option(help="Over how many days.")] = 30,
) -> None:
    """Write payment events of a made-up provider, with duplicates and some bad lines."""
    from event_platform.samples.payments import write_sample

    written = write_sample(folder, seed=seed, events=events, days=days)
    tell(f"wrote {len(written)} files to {folder}")


@app.command("storefront")
def sample_storefront(
    folder: Annotated[Path, typer.Argument(help="Where the files go.")] = Path("sample-storefront"),
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 1,
    visits: Annotated[int, typer.Option(help="How many visits, of about two pages each.")] = 1_200,
    days: Annotated[int, typer.Option(help="Over how many days.")] = 7,
) -> None:
    """Write page views of a made-up web shop, with duplicates, late ones and some bad lines."""
    from event_platform.samples.storefront import write_sample

    written = write_sample(folder, seed=seed, visits=visits, days=days)
    tell(f"wrote {len(written)} files to {folder}")


@demo_app.command()
def demo() -> None:
    """Land sample payments, run everything, show the accounting and a first query."""
    from event_platform.demo import FIRST_QUERY, NEXT_STEPS
    from event_platform.samples.payments import write_sample

    here = environment.read()
    with err.status("making a sample of payment events …"):
        files = write_sample(here.scratch / "sample-payments")
    land("payments", files)
    run(["payments"])
    out.print("\n[bold]The accounting[/] (event-platform status)")
    status(["payments"])
    out.print(f'\n[bold]The first query[/] (event-platform sql "{FIRST_QUERY}")')
    sql(FIRST_QUERY)
    out.print(NEXT_STEPS)
