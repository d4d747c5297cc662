"""Measure the peers in turn and print a table; see `--help`. Exit code 1 when a run failed or answers differ."""

import argparse
import shlex
import sys
import tempfile
from pathlib import Path

from benchmarks import report
from benchmarks.rounds import Disagreement, measure_peers

PEERS = ["raw-duckdb", "platform", "polars", "pandas", "dlt", "spark", "spark-same", "platform-spark"]
BEYOND_A_FEW_MILLION = ["raw-duckdb", "platform"]
"""Who is measured with more than A_FEW lines: the others would take an hour or more memory than there is."""
A_FEW = 2_000_000
CHECKOUT = Path(__file__).resolve().parent.parent


def _number(text: str) -> int:
    """`1m`, `500k` or `20000` as a number."""
    units = {"k": 1_000, "m": 1_000_000}
    return int(float(text[:-1]) * units[text[-1]]) if text[-1:] in units else int(text)


def _numbers(text: str) -> list[int]:
    return [_number(each) for each in text.lower().split(",")]


def _peers(text: str) -> list[str]:
    peers = text.split(",")
    if unknown := set(peers) - set(PEERS):
        raise argparse.ArgumentTypeError(f"no such peer: {', '.join(sorted(unknown))}; there are {', '.join(PEERS)}")
    return peers


def arguments(words: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--events", type=_numbers, default="1m", help="lines in the feeds to measure with, such as 1m,10m")
    parser.add_argument(
        "--peers", type=_peers, default=",".join(PEERS), help=f"whom to measure; beyond {A_FEW:,} lines only {' and '.join(BEYOND_A_FEW_MILLION)}"
    )
    parser.add_argument("--days", type=int, default=30, help="days the events lie in")
    parser.add_argument("--runs", type=int, default=3, help="how often each peer runs")
    parser.add_argument("--data", type=Path, default=Path(tempfile.gettempdir()) / "event-platform-benchmarks", help="where the files are kept")
    parser.add_argument("--report", type=Path, nargs="?", const=CHECKOUT / "docs", help="write benchmarks.md and .png (to docs/)")
    return parser.parse_args(words)


def main(words: list[str]) -> int:
    """Measure, print, report."""
    chosen = arguments(words)
    measured = {}
    for lines in chosen.events:
        name = report.title(lines, chosen.days)
        print(name, file=sys.stderr)
        peers = [peer for peer in chosen.peers if lines <= A_FEW or peer in BEYOND_A_FEW_MILLION]
        try:
            measured[name] = measure_peers(chosen.data.absolute(), lines, chosen.days, peers, chosen.runs)
        except Disagreement as difference:
            print(difference, file=sys.stderr)
            return 1
        print(f"\n{name}\n{report.as_text(measured[name])}\n", flush=True)
    if chosen.report:
        report.write(chosen.report, measured, f"python -m benchmarks {shlex.join(words)}")
    return int(any(tally.failed for tallies in measured.values() for tally in tallies))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
