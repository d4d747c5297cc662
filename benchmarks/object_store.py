"""`event-platform run payments` with the lake on S3 beside local disk, in turn: `python -m benchmarks.object_store [LINES] [RUNS]`.

The S3 server runs on this machine and shares its processors and its disk. So seconds of the platform's own processor time are told too, and those of
the server beside them.
"""

import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from uuid import uuid4

import psutil

import infra
from benchmarks import data
from benchmarks.measure import Cost, measure

CLI = ["-m", "event_platform.cli"]


@dataclass(frozen=True)
class Pair:
    """What a run cost with the lake on disk and on S3, and the processor seconds of the S3 server meanwhile."""

    local: Cost
    remote: Cost
    server: float

    def __str__(self) -> str:
        """Seconds of both."""
        local, remote = self.local, self.remote
        return (
            f"disk {local.seconds:.1f} s ({local.cpu_seconds:.1f} s of processor), S3 {remote.seconds:.1f} s ({remote.cpu_seconds:.1f} s, "
            f"the server's {self.server:.1f} s not counted): {remote.seconds / local.seconds:.2f} times, {self.cpu_ratio:.2f} in processor seconds"
        )

    @property
    def cpu_ratio(self) -> float:
        """Processor seconds of the platform on S3 to those on disk."""
        return self.remote.cpu_seconds / self.local.cpu_seconds


def main(lines: int, runs: int) -> None:
    """Run so often each way, print seconds and ratios."""
    files = data.folder(Path(tempfile.gettempdir()) / "event-platform-benchmarks", lines, 30)
    data.make(files, lines, 30)
    pairs = []
    with tempfile.TemporaryDirectory(prefix="event-platform-") as folder, infra.seaweedfs(Path(folder) / "s3") as server:
        for run in range(runs):
            local = _cost(files, Path(folder) / f"local-{run}", {})
            place = {"EVENT_PLATFORM_LAKE": f"s3://{server.bucket}/{uuid4().hex}"}
            remote = _cost(files, Path(folder) / f"home-{run}", server.environment | place)
            pairs.append(Pair(*local[:1], *remote))
            print(f"round {run + 1}: {pairs[-1]}", flush=True)
    ratio = median(pair.remote.seconds / pair.local.seconds for pair in pairs)
    print(
        f"{lines:,} lines: on S3 {ratio:.2f} times the seconds, {median(pair.cpu_ratio for pair in pairs):.2f} times the processor seconds (medians)"
    )


def _cost(files: Path, home: Path, settings: dict[str, str]) -> tuple[Cost, float]:
    """What a run on files that have landed costs, and the S3 server meanwhile."""
    surroundings = {"EVENT_PLATFORM_HOME": str(home), "EVENT_PLATFORM_SETTLE_SECONDS": "0", **settings}
    log = home.with_suffix(".log")
    landed = measure([*CLI, "land", "payments", str(files)], log, surroundings)
    before = _server_seconds()
    cost = measure([*CLI, "run", "payments"], log, surroundings)
    if landed.exit_code or cost.exit_code:
        sys.exit(log.read_text())
    return cost, _server_seconds() - before


def _server_seconds() -> float:
    """Processor seconds so far of what this process has started and not waited for: the S3 server."""
    return sum(sum(each.cpu_times()[:2]) for each in psutil.Process(os.getpid()).children(recursive=True))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000, int(sys.argv[2]) if len(sys.argv) > 2 else 3)
