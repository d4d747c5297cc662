"""`event-platform run payments` with the lake on S3 beside local disk, in turn: `python -m benchmarks.object_store [LINES] [RUNS]`.

The S3 server runs on this machine and shares its processors and its disk, so the ratio says what the platform itself adds.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from uuid import uuid4

import infra
from benchmarks import data


def main(lines: int, runs: int) -> None:
    """Run so often each way, print seconds and ratios."""
    files = data.folder(Path(tempfile.gettempdir()) / "event-platform-benchmarks", lines, 30)
    data.make(files, lines, 30)
    with tempfile.TemporaryDirectory(prefix="event-platform-") as folder, infra.seaweedfs(Path(folder) / "s3") as server:
        pairs = []
        for run in range(runs):
            local = _seconds(files, Path(folder) / f"local-{run}", {})
            remote = _seconds(
                files, Path(folder) / f"home-{run}", {**server.environment, "EVENT_PLATFORM_LAKE": f"s3://{server.bucket}/{uuid4().hex}"}
            )
            pairs.append((remote, local))
    on_s3, on_disk = zip(*pairs, strict=True)
    print(f"{lines:,} lines, {runs} runs: on S3 {median(on_s3):.1f} s, on local disk {median(on_disk):.1f} s (medians)")
    print(f"ratio {median(a / b for a, b in pairs):.2f} (median of the runs), {min(on_s3) / min(on_disk):.2f} (fastest to fastest)")


def _seconds(files: Path, home: Path, settings: dict[str, str]) -> float:
    """How long a run takes on files that have landed."""
    surroundings = os.environ | {"EVENT_PLATFORM_HOME": str(home), "EVENT_PLATFORM_SETTLE_SECONDS": "0"} | settings
    command = [sys.executable, "-W", "ignore", "-m", "event_platform.cli"]
    subprocess.run([*command, "land", "payments", str(files)], env=surroundings, check=True, stdout=subprocess.DEVNULL)
    began = time.perf_counter()
    subprocess.run([*command, "run", "payments"], env=surroundings, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000, int(sys.argv[2]) if len(sys.argv) > 2 else 3)
