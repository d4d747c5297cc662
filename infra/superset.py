"""Superset over Trino, with the packages, the configuration and the start that `docker/superset` has for containers.

Its packages cannot share an environment with the platform's, so they are in a folder of their own, which is the first that its Python looks into.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from infra.cache import cached, install
from infra.postgres import Postgres
from infra.process import LOOPBACK, ports, running
from infra.trino import Trino

CONFIGURATION = Path(__file__).parent.parent / "docker" / "superset"
USER, PASSWORD = "admin", "admin-secret"
START_SECONDS = 1500
"""It makes its own database first, in a few hundred steps."""


@dataclass(frozen=True)
class Superset:
    """Where it listens, and who may sign in; it knows the lake as the database `lake`."""

    url: str
    user: str = USER
    password: str = PASSWORD


@contextmanager
def superset(folder: Path, postgres: Postgres, trino: Trino) -> Iterator[Superset]:
    """A server that keeps what it knows in the database `superset` of `postgres`, and asks `trino`. Raises InfraError."""
    import psycopg

    packages = cached("superset", CONFIGURATION / "requirements.txt", install)
    server = Superset(f"http://{LOOPBACK}:{ports(folder, 'superset')['superset']}")
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        if not connection.execute("SELECT FROM pg_database WHERE datname = 'superset'").fetchall():
            connection.execute("CREATE DATABASE superset")
    settings = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(packages),
        "SUPERSET_CONFIG_PATH": str(CONFIGURATION / "superset_config.py"),
        "SUPERSET_SECRET_KEY": "secret-of-tests-alone",
        "SUPERSET_ADMIN_PASSWORD": server.password,
        "SUPERSET_DATABASE": postgres.url("superset").replace("://", "+psycopg2://"),
        "SUPERSET_LAKE": f"{trino.url.replace('http', 'trino').replace('://', '://superset@')}/{trino.catalog}",
        "SUPERSET_BIND": server.url.partition("://")[2],
    }
    with running("superset", ["sh", str(CONFIGURATION / "start.sh")], folder, lambda: _is_up(server), seconds=START_SECONDS, environment=settings):
        yield server


def _is_up(server: Superset) -> bool:
    return requests.get(f"{server.url}/health", timeout=5).ok
