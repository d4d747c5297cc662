"""The figures as a table for the terminal, and as `benchmarks.md` with a plot for people."""

import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.rounds import BASELINE, Tally

HEADER = ("peer", "runs", "min s", "median s", "processor s", "peak MB", f"× {BASELINE}")
MARK = "<!-- What follows is written by `python -m benchmarks --report`. -->"
"""What stands before it in benchmarks.md was written by hand and stays."""

INTRODUCTION = """Made by `{command}` on {machine}.

Each peer reads the same JSON lines, keeps the latest version of each event id and writes the events under kind, year, month and day. Peers run in
turn (A B C A B C …), each in a process of its own whose start counts; the files are in the page cache. Peak MB (million bytes) is that of the peer's
largest process. The last column is the median of the ratios round by round. All kept the same events. `benchmarks/peers/` is what they do:

- `raw-duckdb` is one SQL statement without a platform.
- `platform` is `event-platform run payments` on files that have landed: it also archives, quarantines, keeps all lines in stage, aggregates, checks
  and catalogues.
- `dlt` is handed Arrow tables that DuckDB read, and writes one table into a DuckDB file instead of Parquet.
"""


def title(lines: int, days: int) -> str:
    """What was measured."""
    return f"{lines:,} lines over {days} days"


def rows(tallies: Sequence[Tally]) -> list[tuple[str, ...]]:
    """One row a peer, in the order of HEADER; a dash where there is no figure."""
    base = next((tally for tally in tallies if tally.peer == BASELINE), None)
    return [_row(tally, base) for tally in tallies]


def _row(tally: Tally, base: Tally | None) -> tuple[str, ...]:
    runs = f"{len(tally.costs)}" + (f" ({tally.failed} failed)" if tally.failed else "")
    if not tally.costs:
        return tally.peer, runs, *["–"] * (len(HEADER) - 2)
    ratio = tally.ratio(base) if base else None
    figures = f"{tally.fastest:.2f}", f"{tally.median:.2f}", f"{tally.cpu:.2f}", f"{tally.peak_mb:,.0f}"
    return tally.peer, runs, *figures, f"{ratio:.2f}" if ratio else "–"


def as_text(tallies: Sequence[Tally]) -> str:
    """Columns side by side."""
    table = [HEADER, *rows(tallies)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join("  ".join(_aligned(cells, widths)) for cells in table)


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [cells[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True))]


def as_markdown(tallies: Sequence[Tally]) -> str:
    """The same as a Markdown table."""
    lines = [HEADER, ("---", *["---:"] * (len(HEADER) - 1)), *rows(tallies)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def write(folder: Path, measured: Mapping[str, Sequence[Tally]], command: str) -> None:
    """Write `benchmarks.png`, and in `benchmarks.md` what follows the mark."""
    path = folder / "benchmarks.md"
    by_hand = path.read_text(encoding="utf-8").partition(MARK)[0].rstrip() if path.exists() else "# Benchmarks"
    sections = [f"## {name}\n\n{as_markdown(tallies)}\n" for name, tallies in measured.items()]
    introduction = INTRODUCTION.format(command=command, machine=_machine())
    parts = [f"{by_hand}\n", f"{MARK}\n", introduction, "![Seconds and peak memory of each peer](benchmarks.png)\n", *sections]
    path.write_text("\n".join(parts), encoding="utf-8")
    _plot(folder / "benchmarks.png", measured)


def _machine() -> str:
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return f"{os.cpu_count()} cores, {memory_gb:.0f} GB, {platform.system()} {platform.machine()}, Python {platform.python_version()}"


def _plot(path: Path, measured: Mapping[str, Sequence[Tally]]) -> None:
    """Bars to the median, a dot for each run; seconds on the left, peak memory on the right, a row a feed."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, grid = pyplot.subplots(len(measured), 2, figsize=(10, 1 + 2.6 * len(measured)), squeeze=False, layout="constrained")
    for (name, tallies), (left, right) in zip(measured.items(), grid, strict=True):
        good = [tally for tally in reversed(tallies) if tally.costs]
        peers = [tally.peer for tally in good]
        colours = ["tab:orange" if peer == "platform" else "tab:gray" for peer in peers]
        left.barh(peers, [tally.median for tally in good], color=colours)
        for tally in good:
            left.plot([cost.seconds for cost in tally.costs], [tally.peer] * len(tally.costs), "k.", markersize=4)
        right.barh(peers, [tally.peak_mb for tally in good], color=colours)
        left.set(title=f"{name}: seconds (median, each run)", xlim=(0, None))
        right.set(title="peak memory, MB")
    figure.savefig(path, dpi=110, metadata={"Software": None})
    pyplot.close(figure)
