"""HDFS 3.4.2: a NameNode and a DataNode. Java 17."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from infra.cache import jars
from infra.errors import InfraError
from infra.java import java, opened
from infra.process import LOOPBACK, ports, running

HERE = Path(__file__).parent
JAVA = (17, 17)
OPENED = opened("lang", "util", "net")
NAMENODE = "org.apache.hadoop.hdfs.server.namenode.NameNode"
DATANODE = "org.apache.hadoop.hdfs.server.datanode.DataNode"
PORTS = ("namenode.port", "namenode.http.port", "datanode.port", "datanode.http.port", "datanode.ipc.port")
STATE = "Hadoop:service=NameNode,name=FSNamesystemState"


@dataclass(frozen=True)
class HDFS:
    """Where it listens: `port` for Hadoop's own protocol, `http_port` for WebHDFS. Any user name is let in."""

    port: int
    http_port: int
    host: str = LOOPBACK

    @property
    def uri(self) -> str:
        """As Spark and Hadoop's tools take it."""
        return f"hdfs://{self.host}:{self.port}"

    @property
    def webhdfs(self) -> str:
        """As fsspec takes it."""
        return f"webhdfs://{self.host}:{self.http_port}"


@contextmanager
def hdfs(folder: Path) -> Iterator[HDFS]:
    """A file system that keeps its blocks in `folder`; up in about ten seconds. Raises InfraError."""
    known = ports(folder, *PORTS)
    server = HDFS(known["namenode.port"], known["namenode.http.port"])
    _make_web_folders(folder)
    settings = [f"-D{name}={known[name]}" for name in PORTS]
    command = [java(*JAVA), "-Xmx384m", *OPENED, *settings, "-cp", f"{HERE}:{folder}/web:{jars('hdfs')}/*"]
    if not (folder / "name").exists():
        _format(command, folder)
    with (
        running("namenode", [*command, NAMENODE], folder, lambda: _room_bytes(server) >= 0),
        running("datanode", [*command, DATANODE], folder, lambda: _room_bytes(server) > 0),
    ):
        yield server


def _make_web_folders(folder: Path) -> None:
    """Both want to serve web pages, which the jars do not have."""
    for name in ("hdfs", "datanode", "secondary", "static"):
        (folder / "web" / "webapps" / name).mkdir(parents=True, exist_ok=True)


def _format(command: list[str], folder: Path) -> None:
    done = subprocess.run([*command, NAMENODE, "-format", "-force", "-nonInteractive"], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise InfraError(f"HDFS cannot be made in {folder}: {done.stderr[-2000:]}")


def _room_bytes(server: HDFS) -> int:
    """What its DataNode has said that it can hold, some moments after it is known; -1 while the NameNode is in safe mode or has nothing to say."""
    answer = requests.get(f"http://{server.host}:{server.http_port}/jmx", params={"qry": STATE}, timeout=5)
    beans = answer.json().get("beans", []) if answer.ok else []
    return int(beans[0]["CapacityTotal"]) if beans and beans[0].get("FSState") == "Operational" else -1
