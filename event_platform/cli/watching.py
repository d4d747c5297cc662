"""`event-platform status --watch`: how each source is, again and again, drawn in place on a terminal and told line by line elsewhere."""

from __future__ import annotations

from datetime import UTC, datetime
from threading import Event
from typing import TYPE_CHECKING

from rich.text import Text

from event_platform.cli.terminal import fits, grid, out, plain, until_told_to_end

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table as Grid

    from event_platform.environment import Environment
    from event_platform.sources.contract import Source

Rows = list[tuple[str, ...]]


def watch(here: Environment, chosen: Sequence[Source], every_seconds: float) -> None:
    """Show until Ctrl-C or SIGTERM. From metadata, so a large lake is looked at as fast as a small one."""
    from event_platform.lake.catalog import Lake
    from event_platform.monitoring.glance import glance
    from event_platform.monitoring.of_lake import LakeLook

    look, never = LakeLook(Lake(here)), Event()

    def rows() -> Rows:
        return [glance(look, source, datetime.now(UTC)) for source in chosen]

    with until_told_to_end("no longer watching"):
        if out.is_terminal:
            from rich.live import Live

            with Live(_drawn(rows()), console=out, auto_refresh=False) as live:
                while not never.wait(every_seconds):
                    live.update(_drawn(rows()), refresh=True)
        else:
            known: dict[str, str] = {}
            while True:
                known = _tell_changes(rows(), known)
                never.wait(every_seconds)


def _drawn(rows: Rows) -> Grid | Text:
    """A table, or a sentence a source where the terminal is too narrow for one."""
    from event_platform.monitoring.glance import COLUMNS, sentence

    table = grid(COLUMNS, rows)
    return table if fits(table) else Text("\n".join(map(sentence, rows)))


def _tell_changes(rows: Rows, known: dict[str, str]) -> dict[str, str]:
    """Tell of each source what was not told before; give what is known now."""
    from event_platform.monitoring.glance import sentence

    now = {row[0]: sentence(row) for row in rows}
    for source, told in now.items():
        if known.get(source) != told:
            out.print(f"{datetime.now(UTC):%H:%M:%S} {plain(told)}", highlight=False, soft_wrap=True)
    return now
