"""`event-platform sample ...`: made-up files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from event_platform.cli.terminal import tell
from event_platform.wording import counted

app = typer.Typer(no_args_is_help=True, help="Make sample files.")


@app.command("payments")
def sample_payments(
    folder: Annotated[Path, typer.Argument(help="Where the files go.")] = Path("sample-payments"),
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 1,
    events: Annotated[int, typer.Option(min=1, help="How many events.")] = 20_000,
    days: Annotated[int, typer.Option(min=1, help="Over how many days.")] = 30,
) -> None:
    """Write payment events of a made-up provider, with duplicates and some bad lines."""
    from event_platform.samples.payments import write_sample

    written = write_sample(folder, seed=seed, events=events, days=days)
    tell(f"wrote {counted(len(written), 'file')} to {folder}")


@app.command("storefront")
def sample_storefront(
    folder: Annotated[Path, typer.Argument(help="Where the files go.")] = Path("sample-storefront"),
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 1,
    visits: Annotated[int, typer.Option(min=1, help="How many visits, of about two pages each.")] = 1_200,
    days: Annotated[int, typer.Option(min=1, help="Over how many days.")] = 7,
) -> None:
    """Write page views of a made-up web shop, with duplicates, late ones and some bad lines."""
    from event_platform.samples.storefront import write_sample

    written = write_sample(folder, seed=seed, visits=visits, days=days)
    tell(f"wrote {counted(len(written), 'file')} to {folder}")


@app.command("clickstream")
def sample_clickstream(
    folder: Annotated[Path, typer.Argument(help="Where the files go.")] = Path("sample-clickstream"),
    events: Annotated[int, typer.Option(min=1, help="How many clicks.")] = 3_000,
) -> None:
    """Write made-up clicks as clients post them, some sent twice, three of them broken."""
    from event_platform.samples.clickstream import write_sample

    written = write_sample(folder, events=events)
    tell(f"wrote {len(written)} files to {folder}")


@app.command("census")
def sample_census(
    folder: Annotated[Path, typer.Argument(help="Where the files go.")] = Path("sample-census"),
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 1,
    people: Annotated[int, typer.Option(min=1, help="How many people, two thirds of them in Adult.data.")] = 1_000,
) -> None:
    """Write made-up people in the lines of Adult.data and Adult.test."""
    from event_platform.samples.census import write_sample

    written = write_sample(folder, seed=seed, people=people)
    tell(f"wrote {counted(len(written), 'file')} to {folder}")
