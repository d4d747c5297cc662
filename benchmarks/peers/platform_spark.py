"""The peer `platform` with the engine spark, configured as the peer `spark` is: Java's start, checks and aggregate included."""

import os
from pathlib import Path

from benchmarks.peers import platform

DEFAULTS = "spark.driver.memory 4g\nspark.sql.shuffle.partitions 4\n"


def prepare(files: Path, result: Path) -> None:
    """Land the files, and say what Spark may use."""
    platform.prepare(files, result)
    (result / "spark-defaults.conf").write_text(DEFAULTS)


def work(files: Path, result: Path) -> None:
    """Process what has landed."""
    os.environ |= {"EVENT_PLATFORM_ENGINE": "spark", "EVENT_PLATFORM_SPARK_MASTER": "local[2]", "SPARK_CONF_DIR": str(result)}
    platform.work(files, result)


answer = platform.answer
