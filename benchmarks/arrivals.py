"""What an arrival costs on top of a long history: `python -m benchmarks.arrivals [ARRIVALS] [DAYS] [LINES]`.

The history is a feed of so many lines over so many days and eight kinds, a partition for each day and kind, brought in by one run. Then files of
1,000 lines of the last day arrive one after the other, each a Dagster run in this process as `event-platform watch` does them. Told are the seconds
and processor seconds of the first and of the last arrivals, and how the data and metadata grow; a flat cost has a ratio of 1.
"""

import os
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from statistics import median

from benchmarks.data import FIRST_DAY
from event_platform import environment, sources
from event_platform.instance import open_instance
from event_platform.lake.catalog import Lake
from event_platform.landing import queue
from event_platform.runs import process_pending
from event_platform.samples.events import Feed

LINES_OF_AN_ARRIVAL = 1_000
SHARE = 0.2
"""Which part of the arrivals counts as the first and as the last."""


def main(arrivals: int, days: int, lines: int) -> None:
    """Make the history, let files arrive, print seconds."""
    with tempfile.TemporaryDirectory(prefix="event-platform-") as folder:
        os.environ |= {"EVENT_PLATFORM_HOME": f"{folder}/home", "EVENT_PLATFORM_SETTLE_SECONDS": "0"}
        history = list(Feed(lines, days, first_day=FIRST_DAY).write_files(Path(folder) / "history"))
        wall, _ = _arrive(history)
        print(f"history: {lines:,} lines over {days:,} days in {wall:.0f} s, {_held(Path(folder))}", flush=True)
        last_day = FIRST_DAY + timedelta(days=days - 1)
        costs = []
        for number in range(arrivals):
            feed = Feed(LINES_OF_AN_ARRIVAL, 1, seed=number + 2, first_day=last_day)
            costs.append(_arrive(list(feed.write_files(Path(folder) / f"arrival-{number}"))))
            if (number + 1) % 10 == 0:
                print(f"  {number + 1} arrivals, {_told(costs[-10:])}", flush=True)
        some = max(1, round(arrivals * SHARE))
        print(f"first {some}: {_told(costs[:some])}; last {some}: {_told(costs[-some:])}, {_held(Path(folder))}")
        print(f"ratio {_ratio(costs, some, 0):.2f} in seconds, {_ratio(costs, some, 1):.2f} in processor seconds (last to first, medians)")


def _arrive(files: list[Path]) -> tuple[float, float]:
    """Land the files and process them; seconds and processor seconds."""
    here, source = environment.read(), sources.get("payments")
    queue.land(here, source, files)
    began, began_cpu = time.perf_counter(), time.process_time()
    with open_instance() as instance:
        for outcome in process_pending(Lake(here), source, instance, lambda _: None):
            if not outcome.ok:
                sys.exit("\n".join(outcome.failures))
    return time.perf_counter() - began, time.process_time() - began_cpu


def _told(costs: list[tuple[float, float]]) -> str:
    wall, cpu = zip(*costs, strict=True)
    return f"{median(wall):.2f} s each, {median(cpu):.2f} s of processor"


def _ratio(costs: list[tuple[float, float]], some: int, which: int) -> float:
    return median(cost[which] for cost in costs[-some:]) / median(cost[which] for cost in costs[:some])


def _held(folder: Path) -> str:
    data = sum(1 for _ in (folder / "home/lake").rglob("*.parquet"))
    metadata = sum(path.stat().st_size for path in (folder / "home/lake").rglob("metadata/*"))
    return f"{data:,} data files, {metadata / 1e6:,.0f} MB of metadata"


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    main(*(given + [60, 1096, 1_000_000][len(given) :]))
