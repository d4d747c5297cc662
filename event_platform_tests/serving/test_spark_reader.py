"""`event-platform sql --engine spark` only reads, and says in one sentence what is wrong. In a process of its own, since a process has one Spark."""

import json
import os
import subprocess
import sys

import pytest

import infra
import infra.java
from event_platform_tests.pipeline import Pipeline, line

pytestmark = [pytest.mark.java, pytest.mark.server, pytest.mark.timeout(1800)]

CHANGES = (
    "DELETE FROM trusted.payments",
    "DROP TABLE trusted.payments",
    "INSERT INTO trusted.payments SELECT * FROM trusted.payments",
    "WITH a AS (SELECT 1) INSERT INTO trusted.payments SELECT * FROM trusted.payments",
    "CALL lake.system.expire_snapshots('trusted.payments')",
    "SET spark.sql.ansi.enabled = false",
)
WRONG = ("SELECT CAST('x' AS INT)", "SELEC 1", "SELECT nosuch FROM trusted.payments")
QUERIES = (
    "WITH a AS (TABLE trusted.payments) SELECT event_id FROM a ORDER BY event_id LIMIT 1",
    "describe trusted.payments",
    "SHOW TABLES IN trusted",
)

SCRIPT = """
import json, sys
from event_platform import environment
from event_platform.errors import UsageError
from event_platform.serving.engines import Engine, arrow

def asked(statement):
    try:
        return arrow(Engine.spark, environment.read(), statement).num_rows
    except UsageError as error:
        return str(error)

print(json.dumps([asked(f"{statement} -- a remark") for statement in sys.argv[1:]]))
"""


@pytest.mark.usefixtures("home")
def test_spark_changes_nothing_and_says_what_is_wrong() -> None:
    pipeline = Pipeline()
    pipeline.drop("a.json", [line("a"), line("b")])
    pipeline.run_well()
    java = str(infra.java.home(17, 17))
    settings = {**os.environ, "EVENT_PLATFORM_SPARK_JARS": str(infra.jars("spark")), "SPARK_LOCAL_IP": "127.0.0.1", "JAVA_HOME": java}
    done = subprocess.run([sys.executable, "-c", SCRIPT, *CHANGES, *WRONG, *QUERIES], env=settings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout.splitlines()[-1])
    refused, wrong, answered = told[: len(CHANGES)], told[len(CHANGES) : -len(QUERIES)], told[-len(QUERIES) :]
    assert ["is no query" in why for why in refused] == [True] * len(CHANGES)
    assert [why[:12] for why in wrong] == ["Spark says: "] * len(WRONG)
    assert (answered[0], min(answered[1:]) > 0) == (1, True)
    assert '"stacktrace"' not in done.stderr
    assert pipeline.sql("SELECT count(*) FROM trusted.payments") == [(2,)]
