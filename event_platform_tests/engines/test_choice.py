"""Which engine computes a table is a setting; what loads the definitions loads neither engine's packages."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from event_platform import environment, sources, tables
from event_platform.cli import app
from event_platform.described import kinds_of
from event_platform.environment import CHECKOUT, require_java
from event_platform.errors import ConfigurationError
from event_platform.serving.engines import Engine, arrow

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


@pytest.mark.usefixtures("home")
def test_a_table_that_there_is_not_has_no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENT_PLATFORM_ENGINE", "duckdb, trusted.payment=spark")
    done = CliRunner().invoke(app, ["run", "payments"])
    assert isinstance(done.exception, ConfigurationError)
    assert "EVENT_PLATFORM_ENGINE names trusted.payment, which is no table" in str(done.exception)


def test_without_java_it_is_told_where_it_was_looked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(ConfigurationError, match="none on the PATH"):
        require_java()
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(ConfigurationError, match=f"none where JAVA_HOME says \\({tmp_path}\\)"):
        require_java()


@pytest.mark.usefixtures("home")
def test_a_password_is_not_sent_to_trino_in_the_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENT_PLATFORM_TRINO", "http://ada:hidden@127.0.0.1:1")
    with pytest.raises(ConfigurationError, match="over https alone") as told:
        arrow(Engine.trino, environment.read(), "SELECT 1")
    assert "hidden" not in str(told.value)
