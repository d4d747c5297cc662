"""Hive's metastore 3.1.3, with its tables in Derby. Java 17, with the compiler."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.cache import jars
from infra.errors import InfraError
from infra.java import java, opened
from infra.process import LOOPBACK, ports, running

HERE = Path(__file__).parent
JAVA = (17, 17)
OPENED = opened("lang", "util", "net", "nio", "util.concurrent")
SCHEMA_TOOL = "org.apache.hadoop.hive.metastore.tools.MetastoreSchemaTool"


@dataclass(frozen=True)
class Hive:
    """Where it listens, and the folder for tables that are given no place of their own."""

    port: int
    warehouse: str
    host: str = LOOPBACK

    @property
    def uri(self) -> str:
        """As pyiceberg, Spark and Trino take it."""
        return f"thrift://{self.host}:{self.port}"


@contextmanager
def hive(folder: Path) -> Iterator[Hive]:
    """A metastore that keeps its data in `folder`; up in about ten seconds the first time. Raises InfraError."""
    server = Hive(ports(folder, "hive")["hive"], f"file://{folder}/warehouse")
    home = jars("hive")
    command = [java(*JAVA), "-Xmx512m", *OPENED, "-cp", f"{HERE}:{home}/*"]
    if not (folder / "metastore").exists():
        _make_tables(command, home, folder)
    serve = [*command, str(HERE / "Metastore.java"), server.host, str(server.port)]
    with running("hive", serve, folder, lambda: _accepts(server)):
        yield server


def _make_tables(command: list[str], home: Path, folder: Path) -> None:
    """The metastore's own tables, with the statements of its distribution."""
    (distribution,) = home.glob("apache-hive-metastore-*-bin")
    tool = [*command, SCHEMA_TOOL, "-dbType", "derby", "-initSchema"]
    done = subprocess.run(
        tool, cwd=folder, env={**os.environ, "METASTORE_HOME": str(distribution)}, capture_output=True, text=True, timeout=120, check=False
    )
    if done.returncode != 0:
        raise InfraError(f"Hive's metastore cannot make its tables in {folder}: {done.stderr[-2000:]}")


def _accepts(server: Hive) -> bool:
    """Its socket is opened last, when everything behind it is there."""
    with socket.create_connection((server.host, server.port), timeout=5):
        return True
