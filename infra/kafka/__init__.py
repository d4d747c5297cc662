"""Kafka 4: one broker that is its own controller (KRaft). Java 17 or newer."""

from __future__ import annotations

import subprocess
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import psutil

from infra.cache import class_path
from infra.errors import InfraError
from infra.java import java
from infra.process import LOOPBACK, ports, running

HERE = Path(__file__).parent
JAVA = (17, 99)
ANSWER_SECONDS = 5
USER, PASSWORD = "collector", "topic-secret"


@dataclass(frozen=True)
class Kafka:
    """Where it listens, for anybody and for who knows the password, and its process.

    Killed, it is started again, with its data, by another `kafka` of the same folder.
    """

    port: int
    protected_port: int
    process: psutil.Popen = field(repr=False, compare=False)
    user: str = USER
    password: str = PASSWORD
    host: str = LOOPBACK

    @property
    def bootstrap_servers(self) -> str:
        """As clients take it."""
        return f"{self.host}:{self.port}"

    @property
    def protected_servers(self) -> str:
        """Those that ask for user and password (SASL_PLAINTEXT, PLAIN)."""
        return f"{self.host}:{self.protected_port}"


@contextmanager
def kafka(folder: Path) -> Iterator[Kafka]:
    """A broker that keeps its topics in `folder`; up in about five seconds. Raises InfraError."""
    port = ports(folder, "broker", "protected", "controller")
    settings = _settings(folder, port)
    command = [java(*JAVA), "-Xms256m", "-Xmx512m", "-cp", class_path("kafka")]
    if not (folder / "data" / "meta.properties").exists():
        _format(command, folder, settings)
    address = f"{LOOPBACK}:{port['broker']}"
    with running("kafka", [*command, "kafka.Kafka", str(settings)], folder, lambda: _answers(address)) as process:
        yield Kafka(port["broker"], port["protected"], process)


def _settings(folder: Path, port: dict[str, int]) -> Path:
    """The settings that all share, and what is this broker's own."""
    addresses = f"BROKER://{LOOPBACK}:{port['broker']},PROTECTED://{LOOPBACK}:{port['protected']}"
    login = "org.apache.kafka.common.security.plain.PlainLoginModule"
    own = {
        "listeners": f"{addresses},CONTROLLER://{LOOPBACK}:{port['controller']}",
        "advertised.listeners": addresses,
        "controller.quorum.voters": f"1@{LOOPBACK}:{port['controller']}",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,BROKER:PLAINTEXT,PROTECTED:SASL_PLAINTEXT",
        "listener.name.protected.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.protected.plain.sasl.jaas.config": f'{login} required user_{USER}="{PASSWORD}";',
        "log.dirs": str(folder / "data"),
    }
    path = folder / "server.properties"
    path.write_text((HERE / "server.properties").read_text() + "".join(f"{name}={value}\n" for name, value in own.items()))
    return path


def _format(command: list[str], folder: Path, settings: Path) -> None:
    identity = urlsafe_b64encode(uuid4().bytes).decode().rstrip("=")
    tool = [*command, "kafka.tools.StorageTool", "format", f"--cluster-id={identity}", "-c", str(settings)]  # one word: an identity may begin with -
    done = subprocess.run(tool, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0:
        raise InfraError(f"Kafka's log cannot be made in {folder}: {(done.stdout + done.stderr)[-2000:]}")


def _answers(address: str) -> bool:
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    admin = AdminClient({"bootstrap.servers": address, "log_level": 0})
    try:
        return bool(admin.list_topics(timeout=ANSWER_SECONDS).brokers)
    except KafkaException:
        return False
