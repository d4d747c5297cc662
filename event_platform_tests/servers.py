"""Real servers for tests, started by the first test that asks, one of each per test process."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import infra


@pytest.fixture(scope="session")
def server_folder() -> Iterator[Path]:
    """Where servers keep their data. Not in pytest's folders: run by root, some servers are another user's, whom pytest would lock out."""
    with tempfile.TemporaryDirectory(prefix="event-platform-servers-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(scope="session")
def seaweedfs(server_folder: Path) -> Iterator[infra.SeaweedFS]:
    """S3 with a bucket `lake`."""
    with infra.seaweedfs(server_folder / "seaweedfs") as server:
        yield server


@pytest.fixture(scope="session")
def postgres(server_folder: Path) -> Iterator[infra.Postgres]:
    """PostgreSQL on TCP with an empty database `lake`."""
    with infra.postgres(server_folder / "postgres") as server:
        yield server


@pytest.fixture(scope="session")
def moto(server_folder: Path) -> Iterator[infra.Moto]:
    """Glue, Athena and the like."""
    with infra.moto(server_folder / "moto") as server:
        yield server


@pytest.fixture(scope="session")
def hive(server_folder: Path) -> Iterator[infra.Hive]:
    """Hive's metastore; tests that use it are marked `java`."""
    with infra.hive(server_folder / "hive") as server:
        yield server


@pytest.fixture(scope="session")
def hdfs(server_folder: Path) -> Iterator[infra.HDFS]:
    """HDFS; tests that use it are marked `java`."""
    with infra.hdfs(server_folder / "hdfs") as server:
        yield server


@pytest.fixture(scope="session")
def trino(server_folder: Path, postgres: infra.Postgres) -> Iterator[infra.Trino]:
    """Trino over the catalogue in `postgres`; tests that use it are marked `java`."""
    with infra.trino(server_folder / "trino", postgres) as server:
        yield server


@pytest.fixture(scope="session")
def kafka(server_folder: Path) -> Iterator[infra.Kafka]:
    """A broker; tests that use it are marked `java`, and make topics of their own."""
    with infra.kafka(server_folder / "kafka") as server:
        yield server


@pytest.fixture(scope="session")
def registry(server_folder: Path) -> Iterator[infra.Registry]:
    """A registry of schemas; tests that use it are marked `java`."""
    with infra.registry(server_folder / "registry") as server:
        yield server
