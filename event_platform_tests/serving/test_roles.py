"""Each role sees what the contracts let it see, here and in Trino."""

import json
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import infra
from event_platform import environment, sources
from event_platform.errors import PlatformError, UsageError
from event_platform.lake.schema import MASK
from event_platform.landing.queue import land
from event_platform.samples import storefront
from event_platform.serving.engines import Engine, arrow
from event_platform.serving.roles import ANALYSTS, PRIVACY, Role
from event_platform.serving.sql import session
from event_platform.serving.trino_rules import rules
from event_platform_tests.pipeline import Pipeline

CLICKS = [
    {"username": name, "page": "/home", "event_name": "click", "event_time": 1_770_000_000 + number, "note": "seen"}
    for number, name in enumerate(["ada", "ben", "ben"])
]


def _fill() -> None:
    clicks = Pipeline(sources.get("clickstream"))
    clicks.drop("one.json", [*map(json.dumps, CLICKS), '{"username": "ada'])
    clicks.run_well()


@pytest.fixture(scope="module")
def clicks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home with a few clicks in it."""
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("roles") / "home"
        patch.setenv("EVENT_PLATFORM_HOME", str(home))
        patch.setenv("EVENT_PLATFORM_SETTLE_SECONDS", "0")
        _fill()
        yield home


def ask(role: Role, statement: str) -> list[tuple[Any, ...]]:
    with session(environment.read(), role=role) as opened:
        return opened.query(statement)[1]


def test_personal_values_are_masked_for_all_but_privacy(clicks: Path) -> None:  # noqa: ARG001 - what is asked
    who = "SELECT DISTINCT username FROM trusted.clickstream ORDER BY 1"
    assert ask(Role.reader, who) == ask(Role.analyst, who) == [(MASK,)]
    assert ask(Role.privacy, who) == [("ada",), ("ben",)]
    assert ask(Role.reader, "SELECT count(*) FROM trusted.clickstream WHERE username = 'ada'") == [(0,)]
    assert ask(Role.reader, "SELECT page, sum(events) FROM aggregate.clickstream_windows GROUP BY 1") == [("/home", 3)]
    assert ask(Role.analyst, "SELECT line, reason IS NOT NULL FROM quarantine.clickstream") == [(MASK, True)]
    assert ask(Role.privacy, "SELECT line FROM quarantine.clickstream") == [('{"username": "ada',)]


@pytest.mark.parametrize("layer", ["landing", "stage", "quarantine"])
def test_raw_layers_are_refused_to_readers(clicks: Path, layer: str) -> None:  # noqa: ARG001 - what is asked
    with pytest.raises(UsageError, match=rf"The role reader may not see {layer}\.clickstream"):
        ask(Role.reader, f"SELECT count(*) FROM {layer}.clickstream")
    with pytest.raises(UsageError, match="may not see"):
        ask(Role.reader, f"SELECT 1 WHERE EXISTS (WITH t AS (FROM {layer}.clickstream) FROM t)")
    assert ask(Role.analyst, f"SELECT count(*) > 0 FROM {layer}.clickstream") == [(True,)]


@pytest.mark.parametrize(
    "statement",
    [
        "FROM read_parquet('{file}')",
        "FROM '{file}'",
        "WITH \"{file}\" AS (SELECT 1) FROM (SELECT 1), '{file}'",
        "FROM query('SELECT 1')",
        "FROM query_table('stage.clickstream')",
        "FROM duckdb_views()",
        "FROM duckdb_views",
        "FROM (WITH duckdb_views AS (SELECT 1) SELECT 1), duckdb_views",
        "SELECT (SELECT count(*) FROM glob('/*'))",
        "SELECT * FROM sql_statements",
        "EXPLAIN FROM trusted.clickstream",
        "PIVOT trusted.clickstream ON page",
        "SHOW ALL TABLES; FROM stage.clickstream",
        "SUMMARIZE stage.clickstream",
        "FROM 'information_schema'.tables",
    ],
)
def test_there_is_no_way_around_the_tables(clicks: Path, statement: str) -> None:
    file = next((clicks / "lake" / "trusted").rglob("*.parquet"))
    for role in (Role.reader, Role.analyst) if "stage" not in statement else (Role.reader,):
        with pytest.raises(UsageError):
            ask(role, statement.replace("{file}", str(file)))


def test_ordinary_queries_pass(clicks: Path) -> None:  # noqa: ARG001 - what is asked
    assert ask(Role.reader, "WITH Pages AS (SELECT page FROM trusted.clickstream) SELECT count(*) FROM pages, range(2)") == [(6,)]
    assert len(ask(Role.reader, "DESCRIBE trusted.clickstream")) > 5
    assert ask(Role.reader, "VALUES (1)") == [(1,)]


def test_the_rules_that_trino_is_given_are_those_of_the_contracts() -> None:
    written = json.loads((environment.CHECKOUT / "docker" / "trino" / "rules.json").read_text(encoding="utf-8"))
    assert written == rules({Role.analyst: ANALYSTS, Role.privacy: PRIVACY}), "stale; event-platform trino-rules --update docker/trino/rules.json"


@pytest.fixture
def in_trino(tmp_path: Path, postgres: infra.Postgres, trino: infra.Trino, monkeypatch: pytest.MonkeyPatch) -> infra.Trino:
    """Trino over a catalogue with the clicks in it."""
    monkeypatch.setenv("EVENT_PLATFORM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("EVENT_PLATFORM_SETTLE_SECONDS", "0")
    monkeypatch.setenv("EVENT_PLATFORM_CATALOG", postgres.url())
    _fill()
    shop = Pipeline(sources.get("storefront"))
    land(environment.read(), shop.source, storefront.write_sample(tmp_path / "samples", visits=5))
    shop.run_well()
    return trino


@pytest.mark.server
@pytest.mark.java
def test_trino_masks_and_refuses(in_trino: infra.Trino, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(user: str, statement: str) -> list[tuple[Any, ...]]:
        monkeypatch.setenv("EVENT_PLATFORM_TRINO", in_trino.url.replace("://", f"://{user}@"))
        return [tuple(row.values()) for row in arrow(Engine.trino, environment.read(), statement).to_pylist()]

    who = "SELECT DISTINCT username FROM trusted.clickstream WHERE event_time >= TIMESTAMP '2026-02-02 02:40:00 UTC' ORDER BY 1"
    assert asked("somebody", who) == asked("analyst-1", who) == [(MASK,)]
    assert asked("privacy", who) == [("ada",), ("ben",)]
    assert asked("somebody", "SELECT count(*) FROM trusted.clickstream WHERE username = 'ada'") == [(0,)]
    assert asked("analyst-1", "SELECT DISTINCT line FROM quarantine.clickstream") == [(MASK,)]
    assert asked("somebody", "SELECT count(*) FROM aggregate.clickstream_windows")[0][0] > 0
    for table in ("landing.clickstream", "stage.clickstream", "quarantine.clickstream", 'trusted."clickstream$files"', "stage.clickstream_seen"):
        with pytest.raises(PlatformError, match="Access Denied"):
            asked("somebody", f"SELECT count(*) FROM {table}")
    monkeypatch.setenv("EVENT_PLATFORM_TRINO", in_trino.url.replace("://", "://privacy@"))
    with pytest.raises(PlatformError, match="Access Denied"):
        import_module("event_platform.serving.engines.trino").arrow(environment.read(), "DELETE FROM trusted.clickstream")
    assert asked("somebody", "SELECT DISTINCT ip_address, geo_latitude FROM trusted.storefront") == [(MASK, None)]
    assert asked("privacy", "SELECT count(*) FROM trusted.storefront WHERE geo_latitude IS NOT NULL")[0][0] > 0
