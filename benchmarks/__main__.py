"""The platform beside its peers on the same events: `python -m benchmarks [--events 1000000] [--days 30] [--peers …] [--rounds 3] [--report]`.

Each peer is a process of its own, and they take turns (A B C A B C …), so that a machine that slows down slows all of them. Quote the ratios.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PEERS = ("raw_duckdb", "platform", "polars", "pandas", "dlt", "spark")
REPORT = Path(__file__).parent.parent / "docs" / "benchmarks.md"


def generate(folder: Path, events: int, days: int) -> Path:
    """Files of a million lines each; made once."""
    from event_platform.samples.events import Feed

    target = folder / f"{events}-{days}"
    if not target.exists():
        target.mkdir(parents=True)
        feed = Feed(events, days, 1)
        for number, first in enumerate(range(0, events, 1_000_000)):
            feed.write(target / f"events-{number:05}.json", first, min(first + 1_000_000, events))
    return target


def step(peer: str, name: str, files: Path, result: Path) -> tuple[float, int, str]:
    """Seconds, peak memory in MB, and what the step printed."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.peer", peer, name, str(files), str(result)]
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    printed = process.stdout.read() if process.stdout else ""
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{peer} {name} failed; try: {' '.join(command)}")
    return time.perf_counter() - began, usage.ru_maxrss // 1024, printed


def measure(peers: list[str], files: Path, rounds: int) -> dict[str, list[tuple[float, int]]]:
    """Seconds and peak memory of each peer's work in each round; all must keep the same events."""
    runs: dict[str, list[tuple[float, int]]] = {peer: [] for peer in peers}
    answers = {}
    for _ in range(rounds):
        for peer in peers:
            result = Path(tempfile.mkdtemp(prefix=f"bench-{peer}-"))
            step(peer, "prepare", files, result)
            seconds, megabytes, _ = step(peer, "work", files, result)
            runs[peer].append((seconds, megabytes))
            answers[peer] = json.loads(step(peer, "answer", files, result)[2])
            shutil.rmtree(result)
            print(f"{peer}: {seconds:.1f} s, {megabytes} MB, {answers[peer]['rows']:,} events kept", flush=True)
    if len({json.dumps(answer) for answer in answers.values()}) > 1:
        raise SystemExit(f"the peers do not agree: {answers}")
    return runs


def table(runs: dict[str, list[tuple[float, int]]]) -> str:
    """Medians, and the ratio to the first peer, round by round."""
    lines = ["| peer | seconds, median (min to max) | ratio to the first, median | peak memory, MB |", "|---|---|---|---|"]
    base = [seconds for seconds, _ in next(iter(runs.values()))]
    for peer, measured in runs.items():
        seconds = [each for each, _ in measured]
        ratio = statistics.median(mine / first for mine, first in zip(seconds, base, strict=True))
        spread = f"{statistics.median(seconds):.1f} ({min(seconds):.1f} to {max(seconds):.1f})"
        lines.append(f"| {peer} | {spread} | {ratio:.2f} | {max(megabytes for _, megabytes in measured):,} |")
    return "\n".join(lines)


def main() -> None:
    """Generate, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", type=Path, default=Path(tempfile.gettempdir()) / "event-platform-benchmarks")
    parser.add_argument("--report", action="store_true", help=f"append the table to {REPORT.name}")
    chosen = parser.parse_args()
    runs = measure(chosen.peers.split(","), generate(chosen.data, chosen.events, chosen.days), chosen.rounds)
    found = f"\n## {chosen.events:,} events over {chosen.days} days, {chosen.rounds} rounds, {os.cpu_count()} cores\n\n{table(runs)}\n"
    print(found)
    if chosen.report:
        with REPORT.open("a") as report:
            report.write(found)


if __name__ == "__main__":
    main()
