"""Schemas in the real registry: what the rule forbids is refused in words, in CI and before anything is streamed."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from event_platform import cli, sources
from event_platform.environment import Environment
from event_platform.errors import ConfigurationError
from event_platform.realtime.kafka import registry
from event_platform.sources.contract import Column, Source

pytestmark = pytest.mark.java

MORE = Column("device", "string", "Which device")
MUST = replace(MORE, nullable=False)

Change = Callable[..., Source]


@pytest.fixture
def changed(clicks: Source, monkeypatch: pytest.MonkeyPatch) -> Change:
    """Give the contract more columns, or other ones, for the commands too."""

    def change(*columns: Column, **fields: object) -> Source:
        contract = replace(clicks, columns=(*clicks.columns, *columns), **fields)
        monkeypatch.setattr(sources, "all_sources", lambda: {contract.name: contract})
        return contract

    return change


def schema(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, ["schema", *arguments])


def test_a_schema_is_registered_once_and_protected(streaming: Environment, clicks: Source) -> None:
    asked = registry.Registry(streaming)
    with pytest.raises(ConfigurationError, match=f"is not registered as it is now: event-platform schema register {clicks.name}"):
        asked.number_for_writing(clicks)
    first, again = asked.register(clicks), asked.register(replace(clicks, title="Other words"))
    assert first == again
    assert (first.version, asked.rule(clicks)) == (1, "BACKWARD")
    assert asked.number_for_writing(clicks) == first.schema_id
    assert asked.schema(first.schema_id) == first.schema
    assert asked.schema(1_000_000) is None


def test_a_change_that_fits_is_another_version_and_may_be_taken_back(streaming: Environment, clicks: Source, changed: Change) -> None:
    asked = registry.Registry(streaming)
    first = asked.register(clicks)
    second = asked.register(changed(MORE))
    assert second.version == 2
    assert asked.register(clicks) == first
    assert asked.number_for_writing(clicks) == first.schema_id


def test_a_change_that_does_not_fit_fails_the_check_by_its_field(streaming: Environment, clicks: Source, changed: Change) -> None:
    registry.Registry(streaming).register(clicks)
    assert schema("check", clicks.name).exit_code == 0
    changed(MUST)
    checked = schema("check", clicks.name)
    assert checked.exit_code == 1
    assert "`device` is new and may not be missing" in " ".join(checked.stderr.split())
    for refused in (registry.Registry.register, registry.Registry.number_for_writing):
        with pytest.raises(ConfigurationError, match="as the rule BACKWARD forbids: `device`"):
            refused(registry.Registry(streaming), changed(MUST))
    assert registry.Registry(streaming).latest(clicks).version == 1


def test_the_check_can_do_without_the_registry(streaming: Environment, clicks: Source, changed: Change, tmp_path: Path) -> None:
    registry.Registry(streaming).register(clicks)
    kept = tmp_path / "schemas.json"
    kept.write_text(schema("list", clicks.name, "--format", "json").stdout, encoding="utf-8")
    assert [each["subject"] for each in json.loads(kept.read_text())] == [f"{clicks.name}-value"]
    changed(MORE)
    assert schema("check", "--against", str(kept)).exit_code == 0
    changed(MUST)
    assert schema("check", "--against", str(kept)).exit_code == 1
    kept.write_text("{}")
    assert schema("check", "--against", str(kept)).exit_code == 0
    kept.write_text("no list")
    assert "is no list of schemas" in str(schema("check", "--against", str(kept)).exception)


def test_another_rule_may_be_set_and_stays(streaming: Environment, clicks: Source, changed: Change) -> None:
    asked = registry.Registry(streaming)
    assert schema("register", clicks.name, "--compatibility", "FULL").exit_code == 0
    assert (schema("register", clicks.name).exit_code, asked.rule(clicks)) == (0, "FULL")
    contract = changed(id_from=("username", "page", "event_time"))
    without = replace(contract, columns=tuple(replace(column, field="what") if column.name == "page" else column for column in contract.columns))
    with pytest.raises(ConfigurationError, match="as the rule FULL forbids: `what` is new"):
        asked.check(without)
    changed(MUST)
    assert schema("register", "--compatibility", "NONE").exit_code == 0
    assert "says the same" in schema("list").stdout


def test_no_rule_is_a_rule_that_stays_until_another_is_set(streaming: Environment, clicks: Source, changed: Change) -> None:
    asked = registry.Registry(streaming)
    asked.register(clicks, "NONE")
    asked.register(clicks)
    assert asked.rule(clicks) == "NONE"
    second = changed(MUST)
    asked.check(second)
    assert asked.register(second).version == 2
    assert asked.rule(second) == "NONE"
    assert asked.number_for_writing(second) == asked.own(second).schema_id
    third = changed(MUST, replace(MUST, name="system"))
    with pytest.raises(ConfigurationError, match="as the rule BACKWARD forbids: `system`"):
        asked.register(third, "BACKWARD")
    assert schema("register", "--compatibility", "BACKWARD").exit_code == 1
    assert asked.rule(third) == "BACKWARD"


def test_a_source_that_cannot_be_streamed_is_named(streaming: Environment) -> None:  # noqa: ARG001
    assert "weather cannot be streamed" in str(schema("register", "weather").exception)
