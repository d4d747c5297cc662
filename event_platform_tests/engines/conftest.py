"""Spark for tests: small, quick to start, and told so in its own configuration file, as an operator would."""

from collections.abc import Iterator
from pathlib import Path

import pytest

DEFAULTS = """
spark.sql.shuffle.partitions        2
spark.driver.memory                 1g
spark.sql.codegen.wholeStage        false
"""


@pytest.fixture(scope="session", autouse=True)
def spark_defaults(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Set for the whole session, since a process has one Java."""
    folder = tmp_path_factory.mktemp("spark-conf")
    (folder / "spark-defaults.conf").write_text(DEFAULTS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARK_CONF_DIR", str(folder))
        patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        patch.setenv("EVENT_PLATFORM_SPARK_MASTER", "local[2]")
        yield folder
