"""Every statement that Redshift may be given is read by sqlglot's Redshift dialect; the two that it does not know are held to their grammar."""

import json
import logging
import re
import shlex
import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from event_platform.environment import Environment, Redshift
from event_platform.serving.postgres.loads import loadable
from event_platform.serving.redshift import statements
from event_platform.serving.redshift.loads import script
from event_platform.serving.redshift.staged import MOST_DATES, manifest
from event_platform.serving.redshift.statements import Relation, Step

RELATIONS = [Relation(table, event_id) for table, event_id in loadable().values()]
NOW = datetime(2026, 3, 1, tzinfo=UTC)
ROLE = "arn:aws:iam::123456789012:role/loader"
MANIFEST = "s3://staging/lake/t/2-after-1.manifest"
DAYS = frozenset(date(2020, 1, 1) + timedelta(number) for number in range(MOST_DATES))
FEW = frozenset([date(2026, 1, 1), date(2026, 1, 3)])
MOST_BYTES = 100_000
"""What the Data API takes as one statement."""

UNKNOWN = {
    r"LOCK TABLE event_platform\.loads",
    r"CREATE EXTERNAL SCHEMA IF NOT EXISTS \"lake_(trusted|aggregate)\" FROM DATA CATALOG DATABASE '\1' "
    r"IAM_ROLE (default|'arn:aws:iam::\d{12}:role/\w+')",
}
"""What sqlglot takes as a command that it does not look into."""


def all_statements(relation: Relation, role: str | None) -> Iterable[str]:
    yield from statements.remember_loads()
    yield from statements.create(relation)
    yield from statements.comments(relation)
    yield from statements.add_columns(relation, relation.declared.column_names)
    for step in (Step(0, 1, MANIFEST, None), Step(1, 2, MANIFEST, frozenset()), Step(1, 2, MANIFEST, FEW), Step(1, 2, None, FEW)):
        yield from statements.take(relation, step, role, NOW)
    yield statements.external_schema(relation.declared.layer, role)


@pytest.mark.parametrize("role", [None, ROLE])
@pytest.mark.parametrize("relation", RELATIONS, ids=lambda relation: relation.declared.name)
def test_every_statement_is_redshift(relation: Relation, role: str | None, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "sqlglot")
    for sql in all_statements(relation, role):
        (parsed,) = sqlglot.parse(sql, read="redshift")
        assert parsed is not None
        if isinstance(parsed, exp.Command):
            assert any(re.fullmatch(grammar, sql) for grammar in UNKNOWN), sql


@pytest.mark.parametrize("relation", RELATIONS, ids=lambda relation: relation.declared.name)
def test_a_table_has_its_columns_types_and_keys(relation: Relation) -> None:
    (created,) = (sqlglot.parse_one(sql, read="redshift") for sql in statements.create(relation) if sql.startswith("CREATE TABLE"))
    assert [column.name for column in created.find_all(exp.ColumnDef)] == list(relation.declared.column_names)
    of_type = {column.name: column.kind.sql("redshift") for column in created.find_all(exp.ColumnDef) if column.kind}
    assert of_type["event_date"] == "DATE"
    assert "TIMESTAMPTZ" not in of_type.values()
    (sort_key,) = created.find_all(exp.SortKeyProperty)
    assert [column.name for column in sort_key.find_all(exp.Identifier)] == ["event_date"]
    spread = [key.name for key in created.find_all(exp.DistKeyProperty)]
    assert spread == ([relation.event_id] if relation.event_id else [])


def test_copy_names_manifest_role_and_format() -> None:
    (sql,) = (each for each in statements.take(RELATIONS[0], Step(1, 2, MANIFEST, None), ROLE, NOW) if each.startswith("COPY"))
    parsed = sqlglot.parse_one(sql, read="redshift")
    assert isinstance(parsed, exp.Copy)
    assert [file.sql() for file in parsed.args["files"]] == [f"'{MANIFEST}'"]
    assert sql.endswith(f"IAM_ROLE '{ROLE}' FORMAT PARQUET MANIFEST")


def test_a_transaction_of_a_load_fits_into_a_batch_and_has_nothing_that_commits() -> None:
    taken = statements.take(RELATIONS[0], Step(1, 2, MANIFEST, DAYS), ROLE, NOW)
    assert len(taken) <= 40
    assert max(len(each.encode()) for each in taken) < MOST_BYTES
    assert not any(re.match("TRUNCATE|COMMIT|BEGIN|ALTER|VACUUM", each) for each in taken)
    assert taken[0].startswith("LOCK")
    assert taken[-1].startswith("UPDATE event_platform.loads")


def test_a_manifest_gives_the_sizes_that_parquet_needs() -> None:
    content = json.loads(manifest({"s3://b/a.parquet": 7}))
    assert content == {"entries": [{"url": "s3://b/a.parquet", "mandatory": True, "meta": {"content_length": 7}}]}


def test_the_script_is_all_of_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    text = script("payments", Environment(tmp_path, redshift=Redshift(staging="s3://b/p")))
    assert "'s3://b/p/trusted.payments/SNAPSHOT-after-0.manifest' IAM_ROLE default" in text
    code = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
    caplog.set_level(logging.CRITICAL, "sqlglot")
    assert len([each for each in sqlglot.parse(code, read="redshift") if each]) == code.count(";\n") + 1


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        ("sql payments", 0, ""),
        ("load payments", 3, "EVENT_PLATFORM_REDSHIFT_STAGING"),
    ],
)
def test_the_commands(home: Path, arguments: str, code: int, word: str) -> None:
    command = [sys.executable, "-m", "event_platform.cli", "redshift", *shlex.split(arguments)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, word in ended.stderr, ended.stderr.count("\n") <= 1) == (code, True, True), ended.stderr
    assert (ended.stdout.count("COPY "), home.exists()) == ((1, False) if code == 0 else (0, home.exists()))
