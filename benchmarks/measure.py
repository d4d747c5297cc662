"""What a process costs: wall time, processor time and peak memory.

The peak is the kernel's `ru_maxrss` (wait4): of the process or of the largest one it waited for, whichever is more. A process starts with the
peak of the one it was forked from, so whoever measures stays small: no DuckDB, no matplotlib before the last measurement.
"""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cost:
    """Seconds from start to end, seconds of processor (its waited-for children included), peak resident kB, exit code (negative for a signal)."""

    seconds: float
    cpu_seconds: float
    peak_kb: int
    exit_code: int


def measure(words: Sequence[str], log: Path, surroundings: Mapping[str, str] | None = None) -> Cost:
    """Run Python with the words, its output added to a log file; `surroundings` are environment variables on top of this process's."""
    told = os.environ | (surroundings or {})
    with log.open("ab") as output:
        began = time.perf_counter()
        process = subprocess.Popen([sys.executable, "-W", "ignore", *words], stdout=output, stderr=subprocess.STDOUT, env=told)
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    return Cost(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss, process.returncode)
