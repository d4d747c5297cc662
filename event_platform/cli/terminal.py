"""What all commands share: where they print, how they tell, what their arguments are."""

from __future__ import annotations

import shutil
import signal
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import HEAVY_HEAD, Box
from rich.console import Console
from rich.measure import Measurement
from rich.rule import Rule
from rich.table import Column
from rich.table import Table as Grid
from rich.text import Text

from event_platform import environment, logs, sources
from event_platform.errors import TransientError, UsageError
from event_platform.serving.forms import Format
from event_platform.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from event_platform.runs import Outcome
    from event_platform.sources.contract import Source

out = Console(width=None if sys.stdout.isatty() else 240)
err = Console(file=logs.stderr(), soft_wrap=True) if environment.logs_as_json() else Console(stderr=True, soft_wrap=True)

SHOWN_ROWS = 1_000
"""A table on the terminal ends here."""

SourceName = Annotated[str, typer.Argument(help="Name of a source.", show_default=False)]
SourceNames = Annotated[list[str] | None, typer.Argument(help="Names of sources; all when none is given.", show_default=False)]
FormatOption = Annotated[Format, typer.Option("--format", help="How to print.")]


def _printable(form: Format) -> Format:
    if form is Format.parquet:
        raise UsageError(
            "Parquet cannot be printed. Give --format csv or --format json, or write a file with `event-platform sql … --output FILE.parquet`."
        )
    return form


PrintedOption = Annotated[Format, typer.Option("--format", help="How to print.", callback=_printable, metavar="<table|csv|json>")]
"""Of commands that write no file."""


def plain(error: object) -> str:
    """The text as rich prints it, without reading markup in it."""
    return str(error).replace("[", "\\[")


def tell(message: object) -> None:
    """Say what happened, with the time (UTC), on standard error."""
    if environment.logs_as_json():
        err.print(plain(message), highlight=False)
        return
    err.print(f"[dim]{datetime.now(UTC):%H:%M:%S}[/] {plain(message)}", highlight=False)


def show(columns: Sequence[str], rows: Sequence[tuple[object, ...]]) -> None:
    """Draw rows and say how many; of very many only the first, for drawing them takes longer than asking for them."""
    draw(columns, rows[:SHOWN_ROWS])
    more = f", the first {SHOWN_ROWS:,} shown; --format csv, json or parquet gives all" if len(rows) > SHOWN_ROWS else ""
    out.print(f"{counted(len(rows), 'row')}{more}", style="dim", highlight=False)


def draw(columns: Sequence[str], rows: Sequence[tuple[object, ...]], box: Box = HEAVY_HEAD) -> None:
    """Print rows as a table, values as they are; as a list, a value a line, where a table would be cut at the edge of the terminal."""
    texts = [["" if value is None else str(value) for value in row] for row in rows]
    drawn = grid(columns, texts, box)
    if texts and not fits(drawn):
        _list(columns, texts)
    else:
        out.print(drawn)


_BOUNDLESS = 1_000_000


def fits(drawn: Grid) -> bool:
    """Whether the table is no wider than the terminal."""
    return Measurement.get(out, out.options.update_width(_BOUNDLESS), drawn).maximum <= out.width


def grid(columns: Sequence[str], rows: Sequence[Sequence[str]], box: Box = HEAVY_HEAD) -> Grid:
    """Rows as a table, whatever the width of the terminal."""
    drawn = Grid(header_style="bold", box=box, pad_edge=box is HEAVY_HEAD)
    for column in columns:
        drawn.add_column(Text(column))
    for row in rows:
        drawn.add_row(*map(Text, row))
    return drawn


def _list(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Each row as lines of a column's name and its value, which goes on below itself where it is too long for one line."""
    for number, row in enumerate(rows, start=1):
        out.print(Rule(f"row {number}", align="left", style="dim"))
        values = Grid.grid(Column(style="bold", no_wrap=True), Column(overflow="fold"), padding=(0, 2, 0, 0))
        for column, value in zip(columns, row, strict=True):
            values.add_row(Text(column), Text(value))
        out.print(values)


def activation() -> str:
    """The first of the steps that are told: the script after which a shell finds the command, or nothing where it does already."""
    script = Path(sys.prefix) / "bin" / "activate"
    if shutil.which("event-platform") or not script.exists():
        return ""
    return f"\n  . {plain(script.relative_to(Path.cwd()) if script.is_relative_to(Path.cwd()) else script)}"


def chosen_sources(names: Sequence[str] | None) -> list[Source]:
    """The sources of these names, all for none; UsageError for an unknown one."""
    return [sources.get(name) for name in names] if names else list(sources.all_sources().values())


def exit_if_failed(outcomes: Iterable[Outcome]) -> None:
    """Tell what failed in the runs; end with exit code 1 if anything did, with TransientError's if all that did may pass when tried again."""
    failed = [outcome for outcome in outcomes if not outcome.ok]
    for outcome in failed:
        for failure in outcome.failures:
            err.print(f"[bold red]Run {outcome.run_id[:8]} failed:[/] {plain(failure)}", highlight=False)
    if failed:
        raise typer.Exit(TransientError.exit_code if all(outcome.may_pass_later for outcome in failed) else 1)


@contextmanager
def until_told_to_end(last_words: str | Callable[[], str]) -> Iterator[None]:
    """Ctrl-C and SIGTERM (a container's or a service's way to say it) end what is within, also in a process started in the background."""
    before = {number: signal.signal(number, signal.default_int_handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    except KeyboardInterrupt:
        tell(last_words if isinstance(last_words, str) else last_words())
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
