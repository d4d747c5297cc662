"""`event-platform run payments` on files that have landed in an empty home: claimed, archived, staged, checked, merged, aggregated, catalogued."""

import os
import subprocess
import sys
from pathlib import Path


def prepare(files: Path, result: Path) -> None:
    """Land the files."""
    _command(result, "land", "payments", str(files))


def work(files: Path, result: Path) -> None:  # noqa: ARG001 (the files have landed)
    """Process what has landed."""
    _command(result, "run", "payments")


def answer(result: Path) -> str:
    """What trusted holds, exported for the comparison."""
    exported = result / "trusted.parquet"
    _command(result, "sql", "SELECT event_id, timestamp FROM trusted.payments", "--format", "parquet", "--output", str(exported))
    return f"SELECT * FROM '{exported}'"


def _command(home: Path, *words: str) -> None:
    home.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [sys.executable, "-m", "event_platform.cli", *words],
        env=os.environ | {"EVENT_PLATFORM_HOME": str(home), "EVENT_PLATFORM_SETTLE_SECONDS": "0"},
        check=True,
    )
