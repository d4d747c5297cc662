"""A real cluster computes what this machine alone does, also when it loses a worker in the middle."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

import infra
from event_platform import environment, sources
from event_platform.landing.queue import land
from event_platform.samples.payments import write_sample
from event_platform_tests.engines.both import Both
from event_platform_tests.engines.cluster import CHECKOUT, can_be_elsewhere, started
from infra.spark import s3a

pytestmark = [pytest.mark.java, pytest.mark.timeout(1800)]

CLASS_PATH = """
spark.driver.extraClassPath {jars}/*
spark.executor.extraClassPath {jars}/*
"""


@dataclass
class Store:
    """A new lake in a store of objects, and what Spark must be told to reach it."""

    url: str
    defaults: str = ""


@pytest.fixture
def s3_store(s3: infra.SeaweedFS) -> Store:
    return Store(f"s3://{s3.bucket}/{uuid4().hex}", CLASS_PATH.format(jars=infra.jars("spark")) + s3a(s3))


@pytest.fixture
def hdfs_store(hdfs: infra.HDFS) -> Store:
    return Store(f"{hdfs.webhdfs.replace('://', '://root@')}/{uuid4().hex}")


@pytest.fixture(params=["s3", "hdfs"])
def store(request: pytest.FixtureRequest) -> Store:
    """Each of the stores; Spark knows HDFS by itself."""
    found: Store = request.getfixturevalue(f"{request.param}_store")
    return found


def test_a_worker_killed_in_the_middle_changes_nothing(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - settles at once
    homes = Both(sources.get("payments"), tmp_path, monkeypatch)
    files = {path.name: path.read_bytes() for path in write_sample(tmp_path / "sample", events=20_000, days=5)}
    homes.deliver(files, engines=["duckdb"])
    pipeline = homes.on("spark")
    for name, content in files.items():
        pipeline.drop(name, content)
    with started(tmp_path / "cluster") as cluster:
        told = cluster.environment | homes.settings("spark") | {"EVENT_PLATFORM_SPARK_MASTER": cluster.master}
        command = [sys.executable, "-m", "event_platform.cli", "run", "payments"]
        with subprocess.Popen(command, env=told, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as run:
            _until_a_file_is_written(run, tmp_path / "spark" / "lake" / "stage" / "payments" / "data")
            cluster.kill_worker()
            assert run.poll() is None
            output, _ = run.communicate(timeout=900)
        assert run.returncode == 0, output
    homes.agree()
    assert pipeline.status().balanced


@pytest.mark.server
@pytest.mark.skipif(not can_be_elsewhere(), reason="this machine lets nobody have mounts of their own")
def test_workers_that_see_nothing_of_this_machine_share_a_lake_in_a_store(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    store: Store,
    postgres: infra.Postgres,
) -> None:
    monkeypatch.setenv("EVENT_PLATFORM_SETTLE_SECONDS", "0")
    (tmp_path / "spark").mkdir()
    homes = Both(sources.get("payments"), tmp_path, monkeypatch)
    homes.lake_of_spark = {"EVENT_PLATFORM_LAKE": store.url, "EVENT_PLATFORM_CATALOG": _new_database(postgres)}
    first, *later = write_sample(tmp_path / "sample", events=1_000, days=2)
    with started(tmp_path / "cluster", store.defaults, homes.root / "spark") as cluster:
        told = cluster.environment | homes.settings("spark") | {"EVENT_PLATFORM_SPARK_MASTER": cluster.master}
        for files in ([first], later):
            homes.deliver({path.name: path.read_bytes() for path in files}, engines=["duckdb"])
            homes.on("spark")
            land(environment.read(), homes.source, files)
            command = [sys.executable, "-m", "event_platform.cli", "run", "payments"]
            done = subprocess.run(command, env=told, cwd=CHECKOUT, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout + done.stderr
            homes.agree()
    assert homes.on("spark").status().balanced


def _new_database(postgres: infra.Postgres) -> str:
    import psycopg

    database = f"lake_{uuid4().hex[:12]}"
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{database}"')
    return postgres.url(database)


@retry(wait=wait_fixed(0.02), stop=stop_after_delay(400), retry=retry_if_exception_type(AssertionError), reraise=True)
def _until_a_file_is_written(run: subprocess.Popen[str], folder: Path) -> None:
    """The executors have begun to write stage; nothing of it is committed before the last of them is done."""
    if run.poll() is not None:
        raise RuntimeError(run.communicate()[0])
    assert any(folder.rglob("*.parquet"))
