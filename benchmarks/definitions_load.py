"""How long the platform's definitions take to load beside Dagster alone: `python -m benchmarks.definitions_load [RUNS]`."""

import sys
import tempfile
from pathlib import Path

from benchmarks.measure import measure
from benchmarks.report import as_text
from benchmarks.rounds import Tally

MODULES = ("dagster", "event_platform.definitions")


def main(runs: int) -> int:
    """Import each in a fresh process, in turn; the last line is what the platform adds."""
    tallies = [Tally(module) for module in MODULES]
    with tempfile.TemporaryDirectory() as scratch:
        for _ in range(runs):
            for tally in tallies:
                cost = measure(["-c", f"import {tally.peer}"], Path(scratch) / "log")
                if cost.exit_code:
                    print((Path(scratch) / "log").read_text(), file=sys.stderr)
                    return 1
                tally.rounds.append(cost)
    alone, ours = (tally.median for tally in tallies)
    print(f"{as_text(tallies)}\nthe definitions add {ours - alone:.2f} s (medians)")
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5))
