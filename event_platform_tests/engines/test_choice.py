"""Which engine computes a table is a setting; what loads the definitions loads neither engine's packages."""

import subprocess
import sys

import pytest

from event_platform import sources, tables
from event_platform.described import kinds_of
from event_platform.environment import CHECKOUT

HEAVY = ("pyspark", "dagster_pyspark", "dagster_aws", "sqlglot", "duckdb", "pyarrow")


def test_the_ui_names_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENT_PLATFORM_ENGINE", "duckdb, stage.payments=spark")
    payments = sources.get("payments")
    found = [kinds_of(declare(payments)) for declare in (tables.stage, tables.quarantine, tables.trusted)]
    assert found == [{"spark", "iceberg"}, {"spark", "iceberg"}, {"duckdb", "iceberg"}]


@pytest.mark.parametrize("engine", ["duckdb", "spark"])
def test_definitions_load_without_any_engine(monkeypatch: pytest.MonkeyPatch, engine: str) -> None:
    monkeypatch.setenv("EVENT_PLATFORM_ENGINE", engine)
    program = f"import sys, event_platform.definitions; print([name for name in {HEAVY} if name in sys.modules])"
    ended = subprocess.run([sys.executable, "-c", program], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"
