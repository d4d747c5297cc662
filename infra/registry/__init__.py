"""Apicurio's registry of schemas, which speaks Confluent's protocol. Java 17 or newer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from infra.cache import jars
from infra.java import java
from infra.process import LOOPBACK, ports, running

JAVA = (17, 99)


@dataclass(frozen=True)
class Registry:
    """Where it listens."""

    port: int
    host: str = LOOPBACK

    @property
    def url(self) -> str:
        """The address under which Confluent's protocol is spoken."""
        return f"http://{self.host}:{self.port}/apis/ccompat/v7"


@contextmanager
def registry(folder: Path) -> Iterator[Registry]:
    """A registry that keeps its schemas in `folder`; up in about ten seconds. Raises InfraError."""
    (program,) = jars("registry").glob("*-runner.jar")
    port = ports(folder, "registry", "management")
    server = Registry(port["registry"])
    settings = {
        "quarkus.http.host": server.host,
        "quarkus.http.port": server.port,
        "quarkus.management.host": server.host,
        "quarkus.management.port": port["management"],
        "apicurio.rest.artifact.deletion.enabled": "true",
        "apicurio.datasource.url": f"jdbc:h2:file:{folder}/schemas",
    }
    command = [java(*JAVA), "-Xmx384m", *(f"-D{name}={value}" for name, value in settings.items()), "-jar", str(program)]
    with running("registry", command, folder, lambda: requests.get(f"{server.url}/subjects", timeout=5).ok):
        yield server
