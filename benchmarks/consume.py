"""How fast `event-platform consume` lands what waits in a topic: `python -m benchmarks.consume`, with Kafka and the registry set as for it.

The topic must be one that may be written to: take the servers of `make kafka`. A second consumer of the same lake, for which nothing is left, tells
what starting and joining the group takes; that is taken off.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measure import Cost, measure
from benchmarks.stream import CLICKSTREAM, send
from event_platform import environment
from event_platform.realtime.kafka import client, registry


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.consume", formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--events", type=int, default=500_000)
    parser.add_argument("--times", type=int, default=3, help="each time into an empty lake")
    asked = parser.parse_args()
    here = environment.read()
    client.ensure_topics(here, [CLICKSTREAM])
    registry.Registry(here).register(CLICKSTREAM)
    send(here, ((int(time.time()), number) for number in range(asked.events)))
    print("| messages | s | messages/s | µs of processor a message | peak MB | load |\n|---|---|---|---|---|---|")
    for _ in range(asked.times):
        with tempfile.TemporaryDirectory(prefix="consume-") as home:
            all_of_it, nothing = (_consume(Path(home)) for _ in range(2))
            landed = _landed(Path(home))
        seconds, used = all_of_it.seconds - nothing.seconds, all_of_it.cpu_seconds - nothing.cpu_seconds
        figures = (f"{landed:,}", f"{seconds:.1f}", f"{landed / seconds:,.0f}", f"{used / landed * 1e6:.1f}", f"{all_of_it.peak_kb / 1024:.0f}")
        print(f"| {' | '.join(figures)} | {os.getloadavg()[0]:.1f} |", flush=True)


def _consume(home: Path) -> Cost:
    """Land all that is in the topic; SystemExit when that failed."""
    cost = measure(["-m", "event_platform.cli", "consume", CLICKSTREAM.name, "--until-caught-up"], home / "said", {"EVENT_PLATFORM_HOME": str(home)})
    if cost.exit_code:
        sys.exit((home / "said").read_text(encoding="utf-8"))
    return cost


def _landed(home: Path) -> int:
    """Lines of the files in the queue, one for each message."""
    lines = 0
    for file in (home / "lake" / "landing" / CLICKSTREAM.name / "pending").iterdir():
        with file.open("rb") as opened:
            lines += sum(1 for _ in opened)
    return lines


if __name__ == "__main__":
    main()
