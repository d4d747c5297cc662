"""Peers in turn on one feed: A B C A B C …, each in an empty folder, each answer compared."""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks.data import folder
from benchmarks.measure import Cost, measure
from event_platform.samples.events import Feed

BASELINE = "raw-duckdb"


class Disagreement(Exception):
    """A peer kept other events than the feed has or than the peer before it."""


@dataclass
class Tally:
    """The runs of a peer on one feed, round by round; None where one failed."""

    peer: str
    rounds: list[Cost | None] = field(default_factory=list)

    @property
    def costs(self) -> list[Cost]:
        """The good runs."""
        return [cost for cost in self.rounds if cost]

    @property
    def failed(self) -> int:
        """How many runs failed."""
        return self.rounds.count(None)

    @property
    def fastest(self) -> float:
        """Seconds."""
        return min(cost.seconds for cost in self.costs)

    @property
    def median(self) -> float:
        """Seconds."""
        return median(cost.seconds for cost in self.costs)

    @property
    def cpu(self) -> float:
        """Median seconds of processor."""
        return median(cost.cpu_seconds for cost in self.costs)

    def ratio(self, base: "Tally") -> float | None:
        """Times the base's seconds: the median over the rounds in which both ran well, so that a slow hour of the machine slows both."""
        pairs = [mine.seconds / other.seconds for mine, other in zip(self.rounds, base.rounds, strict=True) if mine and other]
        return median(pairs) if pairs else None

    @property
    def peak_mb(self) -> float:
        """The highest peak of all runs, in MB of a million bytes."""
        return max(cost.peak_kb for cost in self.costs) * 1.024 / 1000


def measure_peers(cache: Path, lines: int, days: int, peers: Sequence[str], runs: int) -> list[Tally]:
    """Make the feed, measure each peer so often, and raise Disagreement when one kept other events."""
    files = folder(cache, lines, days)
    subprocess.run([sys.executable, "-m", "benchmarks.data", str(files), str(lines), str(days)], check=True)
    tallies = [Tally(peer) for peer in peers]
    answers: dict[str, dict[str, int]] = {}
    for number in range(1, runs + 1):
        for tally in tallies:
            run_peer(tally, files, answers)
            print(f"  round {number}, {tally.peer}: {_latest(tally)}", file=sys.stderr, flush=True)
            _compare(answers, Feed(lines, days).events)
    return tallies


def run_peer(tally: Tally, files: Path, answers: dict[str, dict[str, int]]) -> None:
    """Prepare, measure, ask for the answer, clear away. What the peer says goes to `<peer>.log` beside the files."""
    result, log = files.parent / "result", files.parent / f"{tally.peer}.log"
    shutil.rmtree(result, ignore_errors=True)
    cost = None
    if measure(_step(tally.peer, "prepare", files, result), log).exit_code == 0:
        cost = measure(_step(tally.peer, "work", files, result), log)
    if cost and cost.exit_code == 0:
        tally.rounds.append(cost)
        answers[tally.peer] = _answer(tally.peer, files, result)
    else:
        tally.rounds.append(None)
        print(f"  {tally.peer} failed; see {log}", file=sys.stderr)
    shutil.rmtree(result, ignore_errors=True)


def _step(peer: str, step: str, files: Path, result: Path) -> list[str]:
    return ["-m", "benchmarks.peer", peer.replace("-", "_"), step, str(files), str(result)]


def _answer(peer: str, files: Path, result: Path) -> dict[str, int]:
    told = subprocess.run([sys.executable, *_step(peer, "answer", files, result)], stdout=subprocess.PIPE, check=True)
    return json.loads(told.stdout.splitlines()[-1])


def _latest(tally: Tally) -> str:
    cost = tally.rounds[-1]
    return f"{cost.seconds:.2f} s, {cost.cpu_seconds:.2f} s of processor, {cost.peak_kb:,} kB" if cost else "failed"


def _compare(answers: dict[str, dict[str, int]], events: int) -> None:
    different = {tuple(answer.values()) for answer in answers.values()}
    if len(different) > 1 or any(answer["rows"] != events for answer in answers.values()):
        told = "\n".join(f"  {peer}: {answer}" for peer, answer in answers.items())
        raise Disagreement(f"The feed has {events:,} events; the peers kept:\n{told}")
