"""Neither what commands print, nor logs, nor Dagster's events and metadata hold personal values or secrets, whatever the input is like."""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from event_platform import environment, sources, tables
from event_platform.cli import app
from event_platform.erasure.dagster_records import is_database
from event_platform.serving.sql import session
from event_platform_tests.pipeline import Pipeline, line

SECRETS = {
    "EVENT_PLATFORM_TOMORROW_API_KEY": "key-7f3a9c",
    "EVENT_PLATFORM_POSTGRES": "postgresql://loader:pass-51d2e8@127.0.0.1:1/none",
    "EVENT_PLATFORM_TRINO": "http://asker:pass-90b7aa@127.0.0.1:1",
}
WORDS = ("key-7f3a9c", "pass-51d2e8", "pass-90b7aa")
PLANTED = "grace-hopper@example.org"
VALUES_OF_A_COLUMN = 40
LEAST_CHARACTERS = 6


def bad_input() -> None:
    """Lines of every sort of trouble, with a person in each."""
    body = {"email": PLANTED}
    payments = [
        line("bad-1", timestamp="yesterday", data=body),
        line("bad-2", data=body)[:-2],
        json.dumps({"event_id": 7, "data": body}),
        f"[{json.dumps(body)}]",
        line("bad-3", timestamp="1999-01-01T00:00:00", data=body),
        line("good", data=body, extra_field=PLANTED),
        f"\0{PLANTED}",
    ]
    Pipeline().drop("bad.json", payments)
    clicks = [
        {"username": PLANTED, "page": 7, "event_name": "x", "event_time": 1},
        {"username": [PLANTED]},
        {"username": PLANTED, "event_time": PLANTED},
    ]
    Pipeline(sources.get("clickstream")).drop("bad.json", map(json.dumps, clicks))
    Pipeline(sources.get("storefront")).drop("bad.json", [json.dumps({"user_custom_id": PLANTED, "geo_latitude": PLANTED})])
    Pipeline(sources.get("insights")).drop("bad.json", json.dumps([{"username": PLANTED, "event_time": PLANTED}]))


def personal_values() -> set[str]:
    """Some of the values in each personal column of trusted."""
    found = {PLANTED}
    with session(environment.read()) as opened:
        for source in sources.all_sources().values():
            for column in (column for column in tables.trusted(source).columns if column.personal and column.type in ("string", "json")):
                statement = f'SELECT DISTINCT "{column.name}" FROM trusted."{source.name}" ORDER BY hash("{column.name}") LIMIT {VALUES_OF_A_COLUMN}'
                found |= {str(value) for (value,) in opened.query(statement)[1] if value and len(str(value)) >= LEAST_CHARACTERS}
    return found


def recorded(folder: Path) -> Iterator[tuple[str, str]]:
    """Everything that Dagster has of the home, text by text, with where it is."""
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        if is_database(path):
            yield from ((f"{path.name} {table}", text) for table, text in cells(path))
        else:
            yield path.name, path.read_bytes().decode(errors="replace")


def cells(path: Path) -> Iterator[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for row in connection.execute(f'SELECT * FROM "{name}"'):
                yield name, "\n".join(each for each in row if isinstance(each, str))


def told(texts: Iterable[tuple[str, str]], values: Iterable[str]) -> list[str]:
    """Where one of the values stands, also escaped within JSON."""
    spelled = {each for value in values for each in (value, json.dumps(value)[1:-1], json.dumps(json.dumps(value)[1:-1])[1:-1])}
    return [f"{where}: {value}" for where, text in texts for value in spelled if value in text]


def test_a_demo_with_bad_input_tells_nobody_of_anybody(home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    bad_input()
    commands = (
        ["demo"],
        ["run"],
        ["status"],
        ["quarantine", "list", "payments"],
        ["quarantine", "show", "payments"],
        ["doctor"],
        ["feeds"],
        ["load", "trusted.payments"],
    )
    said = []
    for command in commands:
        ended = CliRunner().invoke(app, command)
        said.append((" ".join(command), f"{ended.output}\n{ended.exception!r}"))

    with session(environment.read()) as opened:
        assert opened.query("SELECT count(*) FROM quarantine.payments WHERE line LIKE '%grace-hopper%'")[1] == [(6,)]
        assert opened.query("SELECT count(*) FROM trusted.payments WHERE event_id = 'good'")[1] == [(1,)]
    values = {*personal_values(), *WORDS}
    assert len(values) > 100
    events = [*recorded(home / "dagster")]
    assert any("dagster/partition_row_count" in text for _, text in events), "the events were not looked at"
    assert told([*said, ("log", caplog.text), *events], values) == []
