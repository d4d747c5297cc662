"""A contract whose SQL cannot be computed is refused before anything is claimed, by run and in the Dagster UI, and doctor names it."""

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from event_platform import environment, soundness, sources
from event_platform.cli import app
from event_platform.engines.duckdb import connect
from event_platform.errors import ConfigurationError, PermanentError
from event_platform.landing.claiming import claim_pending
from event_platform.samples.census import write_sample
from event_platform.sources.contract import Column, Rule
from event_platform_tests.pipeline import Pipeline, line

PAYMENTS = sources.get("payments")


@pytest.mark.parametrize(
    ("condition", "why"),
    [
        ("amuont < 0", 'Referenced column "amuont" not found'),
        ("domain =", "syntax error"),
        ("domain + 3 > 1", "No function matches"),
        ("count(*) > 1", "GROUP BY"),
        ("domain", "it is VARCHAR, not true or false"),
    ],
)
def test_a_rule_that_cannot_be_asked_is_named(home: Path, condition: str, why: str) -> None:  # noqa: ARG001 - sets the home
    with connect(environment.read()) as duck:
        (fault,) = soundness.faults(replace(PAYMENTS, rules=(Rule("wrong amount", condition), Rule("sound", "domain = 'x'"))), duck)
    assert "'wrong amount'" in fault
    assert why in fault
    assert "Candidate functions" not in fault


def test_a_computed_column_sees_those_before_it_and_the_place_of_its_line(home: Path) -> None:  # noqa: ARG001 - sets the home
    first, second = Column("part", "string", "", sql="file_name || line_number"), Column("upper", "string", "", sql="upper(part)")
    with connect(environment.read()) as duck:
        assert list(soundness.faults(replace(PAYMENTS, columns=(*PAYMENTS.columns, first, second)), duck)) == []
        (fault,) = soundness.faults(replace(PAYMENTS, columns=(*PAYMENTS.columns, second, first)), duck)
    assert "`upper`" in fault


def test_the_shipped_contracts_are_sound(home: Path) -> None:  # noqa: ARG001 - sets the home
    with connect(environment.read()) as duck:
        assert [fault for source in sources.all_sources().values() for fault in soundness.faults(source, duck)] == []


def test_nothing_is_claimed_under_an_unsound_contract(home: Path) -> None:  # noqa: ARG001 - sets the home
    pipeline = Pipeline(replace(PAYMENTS, rules=(Rule("wrong amount", "amuont < 0"),)))
    dropped = pipeline.drop("a.json", [line("a")])
    with connect(environment.read()) as duck, pytest.raises(ConfigurationError, match="Nothing of it was claimed"):
        claim_pending(pipeline.lake, pipeline.source, duck, "test")
    assert dropped.exists()


def test_nothing_is_claimed_when_a_column_changed_its_type(home: Path) -> None:  # noqa: ARG001 - sets the home
    pipeline = Pipeline()
    pipeline.drop("a.json", [line("a")])
    pipeline.run_well()
    changed = tuple(replace(column, type="long") if column.name == "data" else column for column in PAYMENTS.columns)
    dropped = pipeline.drop("b.json", [line("b")])
    with connect(environment.read()) as duck, pytest.raises(PermanentError, match="`data` is string in the catalogue and long in the declaration"):
        claim_pending(pipeline.lake, replace(PAYMENTS, columns=changed), duck, "test")
    assert dropped.exists()


@pytest.fixture
def unsound(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home in which the contract of payments has a rule that cannot be asked; what Dagster has of it, once a process, is sound."""
    import event_platform.definitions  # noqa: F401

    changed = replace(PAYMENTS, rules=(Rule("wrong amount", "amuont < 0"),))
    monkeypatch.setitem(sources.all_sources(), "payments", changed)
    return home


@pytest.mark.usefixtures("unsound")
def test_run_and_doctor_name_the_contract() -> None:
    pipeline = Pipeline()
    dropped = pipeline.drop("a.json", [line("a")])
    ended = CliRunner().invoke(app, ["run", "payments"])
    assert isinstance(ended.exception, ConfigurationError)
    assert "amuont" in str(ended.exception)
    assert dropped.exists()
    looked = CliRunner().invoke(app, ["doctor"])
    assert (looked.exit_code, "the contract of payments" in looked.output) == (1, True)


@pytest.mark.usefixtures("unsound")
def test_other_feeds_are_not_kept_waiting_by_an_unsound_contract() -> None:
    payments, census = Pipeline(), Pipeline(sources.get("census"))
    dropped = payments.drop("a.json", [line("a")])
    write_sample(census.pending_folder(), people=5)
    ended = CliRunner().invoke(app, ["run"])
    assert (ended.exit_code, dropped.exists(), census.status().total.trusted) == (ConfigurationError.exit_code, True, 5)
    assert "payments is left out: The contract of source 'payments' cannot be used" in " ".join(ended.stderr.split())


def test_doctor_sees_that_a_table_contradicts_its_contract(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - sets the home
    pipeline = Pipeline()
    pipeline.drop("a.json", [line("a")])
    pipeline.run_well()
    changed = tuple(Column(c.name, "long", c.meaning) if c.name == "data" else c for c in PAYMENTS.columns)
    monkeypatch.setitem(sources.all_sources(), "payments", replace(PAYMENTS, columns=changed))
    looked = CliRunner().invoke(app, ["doctor"])
    told = " ".join(looked.output.split())
    assert (looked.exit_code, "trusted.payments: `data` is string in the catalogue and long in the declaration" in told) == (1, True)


def test_doctor_tells_of_a_source_whose_contract_is_gone(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - sets the home
    pipeline = Pipeline()
    pipeline.drop("a.json", [line("a")])
    pipeline.run_well()
    monkeypatch.delitem(sources.all_sources(), "payments")
    looked = CliRunner().invoke(app, ["doctor"])
    assert (looked.exit_code, "trusted.payments is the table of a source that has no contract" in " ".join(looked.output.split())) == (1, True)


def test_landing_tells_of_a_home_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("EVENT_PLATFORM_HOME", str(tmp_path / "file" / "home"))
    landed = CliRunner().invoke(app, ["land", "payments", str(tmp_path / "file")])
    assert isinstance(landed.exception, ConfigurationError)
    assert "EVENT_PLATFORM_HOME" in str(landed.exception)


def test_doctor_tells_of_a_home_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("EVENT_PLATFORM_HOME", str(tmp_path / "file" / "home"))
    looked = CliRunner().invoke(app, ["doctor"])
    assert (looked.exit_code, " ".join(looked.output.split()).count("Nothing can be written in the home")) == (1, 1)
