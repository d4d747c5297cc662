"""The compose file and what it names, as far as can be checked without a container engine."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from event_platform.environment import CHECKOUT

DOCKER = CHECKOUT / "docker"


def test_no_service_has_a_default_password_or_a_port_open_to_others() -> None:
    services = yaml.safe_load((DOCKER / "compose.yaml").read_text())["services"]
    passwords = [str(value) for service in services.values() for name, value in service["environment"].items() if "PASSWORD" in name]
    assert passwords
    assert all(password.startswith("${") and ":?" in password for password in passwords)
    assert all(str(port).startswith("127.0.0.1:") for service in services.values() for port in service.get("ports", []))


@pytest.mark.parametrize("name", ["dagster.yaml", "dagster.s3.yaml"])
def test_the_container_instance_names_classes_that_exist(name: str) -> None:
    import importlib

    configured = yaml.safe_load((DOCKER / name).read_text())
    for part in ("local_artifact_storage", "compute_logs"):
        assert getattr(importlib.import_module(configured[part]["module"]), configured[part]["class"])


def test_the_dockerfile_passes_the_linter() -> None:
    linter = Path(sys.executable).parent / "hadolint"
    ended = subprocess.run([str(linter), str(DOCKER / "Dockerfile")], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, "")
