"""A service of docker/compose.yaml as a plain process: its own command, settings and health check, with this machine's names in them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from event_platform.environment import CHECKOUT
from infra.process import running

DOCKER = CHECKOUT / "docker"


def services() -> dict[str, Any]:
    """All that the file defines, its repetitions resolved."""
    return yaml.safe_load((DOCKER / "compose.yaml").read_text())["services"]


def secrets() -> dict[str, str]:
    """A value for each secret that the file asks for."""
    asked = set(re.findall(r"\$\{(\w+):\?", (DOCKER / "compose.yaml").read_text()))
    return {name: f"{name.lower()}-1" for name in asked}


class Composed:
    """The file's services on this machine. `here` says what stands for what: addresses, ports, paths."""

    def __init__(self, folder: Path, here: Mapping[str, str], secrets: Mapping[str, str]) -> None:
        self.folder, self.here, self.secrets = folder, here, secrets

    @contextmanager
    def start(self, name: str, *, seconds: float = 120) -> Iterator[None]:
        """The service, until its own health check is content; InfraError with the end of what it printed when that never comes."""
        service = services()[name]
        environment = self.environment(name)
        folder = self.folder / name
        folder.mkdir()
        check = self.put(service["healthcheck"]["test"][1:])

        def is_well() -> bool:
            return subprocess.run(check, env={**os.environ, **environment}, capture_output=True, timeout=60, check=False).returncode == 0

        with running(name, self.put(service["command"]), folder, is_well, seconds=seconds, environment=environment):
            yield

    def environment(self, name: str) -> dict[str, str]:
        """What the service's container is told, by its image and by the file."""
        service = services()[name]
        told = {**_of_image(service), **service.get("environment", {})}
        programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        put = dict(zip(told, self.put([str(value) for value in told.values()]), strict=True))
        return {**put, "PATH": programs, "PYTHONPATH": str(CHECKOUT)}

    def put(self, words: list[str]) -> list[str]:
        """The words with this machine's names in them."""
        return [self._put(word) for word in words]

    def _put(self, word: str) -> str:
        """One pass, the longest names first, so that what was put in is left alone."""
        names = "|".join(re.escape(name) for name in sorted(self.here, key=len, reverse=True))
        put = re.sub(rf"(?<![\w-])({names})(?![\w-])", lambda found: self.here[found[1]], word) if names else word
        return re.sub(r"\$\{(\w+):\?[^}]*\}", lambda found: self.secrets[found[1]], put).replace("$$", "$")


def _of_image(service: dict[str, Any]) -> dict[str, str]:
    """What the Dockerfile sets."""
    if "build" not in service:
        return {}
    written = (DOCKER / service["build"]["context"] / service["build"]["dockerfile"]).read_text()
    blocks = re.findall(r"^ENV ((?:.*\\\n)*.*)$", written, re.MULTILINE)
    return dict(re.findall(r"(\w+)=(\S+)", " ".join(blocks)))
