"""Trino, configured by the very files that `docker/trino` has for containers. Java 24 or newer.

It reads the lake through its catalogue in PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from infra.cache import jars
from infra.java import java
from infra.postgres import Postgres
from infra.process import LOOPBACK, ports, running
from infra.seaweedfs import REGION, SeaweedFS

CONFIGURATION = Path(__file__).parent.parent.parent / "docker" / "trino"
JAVA = (24, 99)
START_SECONDS = 300


@dataclass(frozen=True)
class Trino:
    """Where it listens; the platform's tables are in the catalogue `lake`."""

    port: int
    host: str = LOOPBACK
    catalog: str = "lake"

    @property
    def url(self) -> str:
        """Its address, which a browser can open too."""
        return f"http://{self.host}:{self.port}"


@contextmanager
def trino(folder: Path, postgres: Postgres, s3: SeaweedFS | None = None) -> Iterator[Trino]:
    """A server over the catalogue in `postgres`, of tables in local folders or on `s3`; up in a quarter of a minute. Raises InfraError."""
    home, port = jars("trino"), ports(folder, "trino")["trino"]
    (server_home,) = home.glob("trino-server-core-*")
    server = Trino(port)
    command = [
        *(java(*JAVA), *(CONFIGURATION / "jvm.config").read_text().split()),
        *(f"-D{name}={value}" for name, value in _settings(folder, server).items()),
        *("-cp", f"{server_home}/lib/*", "io.trino.server.TrinoServer"),
    ]
    _link_connector(home, folder / "plugin")
    with running("trino", command, folder, lambda: _is_up(server), seconds=START_SECONDS, environment=_environment(folder, postgres, s3)):
        yield server


def _settings(folder: Path, server: Trino) -> dict[str, str]:
    """What differs from the files; system properties outdo them."""
    return {
        "config": str(CONFIGURATION / "config.properties"),
        "catalog.config-dir": str(CONFIGURATION / "catalog"),
        "access-control.config-files": str(CONFIGURATION / "access-control.properties"),
        "plugin.dir": str(folder / "plugin"),
        "node.environment": "event_platform",
        "node.data-dir": str(folder / "data"),
        "node.internal-address": server.host,
        "node.bind-ip": server.host,
        "http-server.http.port": str(server.port),
        "discovery.uri": server.url,
    }


def _environment(folder: Path, postgres: Postgres, s3: SeaweedFS | None) -> dict[str, str]:
    return {
        "LAKE_ACCESS_RULES": str(CONFIGURATION / "rules.json"),
        "LAKE_JDBC_URL": postgres.jdbc_url(),
        "LAKE_JDBC_USER": postgres.user,
        "LAKE_JDBC_PASSWORD": postgres.password,
        "LAKE_WAREHOUSE": f"file://{folder}/warehouse",
        "LAKE_S3_ENDPOINT": s3.endpoint if s3 else f"http://{LOOPBACK}",
        "LAKE_S3_REGION": s3.region if s3 else REGION,
        "LAKE_S3_ACCESS_KEY": s3.access_key if s3 else "none",
        "LAKE_S3_SECRET_KEY": s3.secret_key if s3 else "none",
    }


def _link_connector(home: Path, plugins: Path) -> None:
    (connector,) = home.glob("trino-iceberg-*")
    plugins.mkdir(parents=True, exist_ok=True)
    link = plugins / "iceberg"
    link.unlink(missing_ok=True)
    link.symlink_to(connector)


def _is_up(server: Trino) -> bool:
    answer = requests.get(f"{server.url}/v1/info", timeout=5)
    return answer.ok and not answer.json()["starting"]
