"""What lies beneath the tables fails: the error says what and what to do, nothing is lost, and the next run makes it good."""

import errno
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from event_platform import environment
from event_platform.cli.terminal import exit_if_failed
from event_platform.errors import ConfigurationError, TransientError
from event_platform.lake import catalogues, faults
from event_platform.lake.catalog import Lake
from event_platform_tests.pipeline import Pipeline, line


def test_a_locked_catalogue_is_told_and_loses_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogues, "SQLITE_BUSY_SECONDS", 1)
    pipeline = Pipeline()
    pipeline.drop("a.json", [line("a")])
    pipeline.run_well()
    pipeline.drop("b.json", [line("b")])
    with sqlite3.connect(home / "lake" / "catalog.db") as other:
        other.execute("BEGIN EXCLUSIVE")
        (outcome,) = pipeline.run()
        told = "database is locked) by another program; close what has it open, or wait. Nothing is lost and landing.payments is as it was"
        assert told in outcome.failures[0]
        with pytest.raises(typer.Exit) as ended:
            exit_if_failed([outcome])
        assert ended.value.exit_code == TransientError.exit_code
        assert not any("Dependencies for step" in each for each in pipeline.told)  # which is Dagster's way to say that it is the only one
        other.rollback()
    pipeline.run_well()
    assert (pipeline.status().total.trusted, pipeline.status().balanced) == (2, True)


def test_a_damaged_catalogue_is_told(home: Path) -> None:
    pipeline = Pipeline()
    pipeline.drop("a.json", [line("a")])
    (home / "lake" / "catalog.db").write_bytes(b"not a catalogue at all, by any means" * 100)
    (outcome,) = pipeline.run()
    assert "The catalogue is damaged" in outcome.failures[0]
    with pytest.raises(typer.Exit) as ended:
        exit_if_failed([outcome])
    assert ended.value.exit_code == 1


def test_a_catalogue_that_is_away_is_told_with_the_way_out() -> None:
    import psycopg

    told = r"The catalogue cannot be used \(.*\). Nothing is lost and the lake is as it was; bring it back, then run again.$"
    with pytest.raises(TransientError, match=told), faults.explained("the lake"):
        psycopg.connect("postgresql://127.0.0.1:9/lake", connect_timeout=5)


@pytest.mark.parametrize(
    ("catalogue", "package", "way_out"),
    [
        ("postgresql://lake@127.0.0.1:9/lake", "psycopg", "pip install 'event-platform[postgres]'"),
        ("thrift://127.0.0.1:9", "thrift.transport", "pip install 'event-platform[hive]'"),
        ("glue", "boto3", "pip install 'event-platform[aws]'"),
    ],
)
def test_a_package_that_is_missing_is_told_with_its_extra(monkeypatch: pytest.MonkeyPatch, catalogue: str, package: str, way_out: str) -> None:
    monkeypatch.setenv("EVENT_PLATFORM_CATALOG", catalogue)
    for loaded in ("pyiceberg.catalog.hive", "pyiceberg.catalog.glue", package):
        monkeypatch.delitem(sys.modules, loaded, raising=False)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ConfigurationError) as told, faults.explained("the lake"):
        Lake(environment.read()).catalog.list_namespaces()
    assert str(told.value).startswith("The catalogue needs a package that is not here (")
    assert re.findall(r"event-platform\[\w+\]", str(told.value)) == [way_out.split("'")[1]]


@pytest.mark.parametrize("error", [OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)), RuntimeError(f"IO Error: {os.strerror(errno.EDQUOT)}")])
def test_a_user_who_may_have_no_more_of_the_disk_is_told_that_it_is_full(error: Exception) -> None:
    with pytest.raises(TransientError, match="The disk is full: "), faults.explained("trusted.payments"):
        raise error


RUN_ON_A_SMALL_DISK = """
mkdir -p "$1/lake" && mount -t tmpfs -o size=700k none "$1/lake" || exit 77
exec "$2" - "$1" <<'PYTHON'
import os, subprocess, sys
os.environ |= {"EVENT_PLATFORM_HOME": sys.argv[1], "EVENT_PLATFORM_SETTLE_SECONDS": "0"}
from event_platform_tests.pipeline import Pipeline, line
pipeline = Pipeline()
pipeline.drop("a.json", [line(f"{n}", data={"incompressible": os.urandom(150).hex()}) for n in range(1500)])
(outcome,) = pipeline.run()
print(outcome.failures[0])
subprocess.run(["mount", "-o", "remount,size=200M", f"{sys.argv[1]}/lake"], check=True)
pipeline.run_well()
total = pipeline.status().total
print(total.landed, total.trusted, pipeline.status().balanced)
PYTHON
"""


def test_a_full_disk_in_the_middle_of_a_run_loses_nothing(tmp_path: Path) -> None:
    command = ["unshare", "--mount", "--map-root-user", "sh", "-c", RUN_ON_A_SMALL_DISK, "sh", str(tmp_path), sys.executable]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, check=False)
    if done.returncode in (1, 77) and not done.stdout:
        pytest.skip(f"no file system can be mounted here: {done.stderr}")
    assert done.returncode == 0, done.stderr
    failure, outcome = done.stdout.splitlines()
    assert "The disk is full" in failure
    assert outcome == "1500 1500 True"
