"""moto: AWS's interfaces (Glue, Athena and others) played on this machine. It stores in memory and believes any credentials."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from infra.process import LOOPBACK, ports, running

REGION = "eu-north-1"


@dataclass(frozen=True)
class Moto:
    """Where it listens."""

    endpoint: str
    region: str = REGION

    @property
    def environment(self) -> dict[str, str]:
        """What boto3 reads from the environment."""
        return {"AWS_ENDPOINT_URL": self.endpoint, "AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", "AWS_DEFAULT_REGION": self.region}

    def reset(self) -> None:
        """Forget everything."""
        requests.post(f"{self.endpoint}/moto-api/reset", timeout=10).raise_for_status()


@contextmanager
def moto(folder: Path) -> Iterator[Moto]:
    """A server with nothing in it; `folder` gets its log. Raises InfraError."""
    server = Moto(f"http://{LOOPBACK}:{(port := ports(folder, 'moto')['moto'])}")
    command = [sys.executable, "-m", "moto.server", "-H", LOOPBACK, "-p", str(port)]
    with running("moto", command, folder, lambda: requests.get(f"{server.endpoint}/moto-api/data.json", timeout=5).ok):
        yield server
