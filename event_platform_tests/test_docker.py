"""The compose file and what it names, as far as can be checked without a container engine."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from event_platform import cli, environment
from event_platform.environment import CHECKOUT
from event_platform.realtime import configuration as collector
from event_platform_tests.composed import DOCKER, services

PROFILES = {
    "core": {"postgres", "s3", "code", "webserver", "daemon", "monitor"},
    "streaming": {"postgres", "s3", "kafka", "registry", "schemas", "collector", "consumer", "stream"},
    "cluster": {"postgres", "s3", "spark-master", "spark-worker", "trino", "superset"},
}


def resolved() -> dict[str, Any]:
    return yaml.safe_load((DOCKER / "compose.yaml").read_text())


def each_service() -> list[Any]:
    return [pytest.param(service, id=name) for name, service in services().items()]


def checked(kind: str, path: Path) -> subprocess.CompletedProcess[str]:
    """The file held against a published schema that check-jsonschema carries."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", kind, str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_file_is_what_the_compose_specification_allows(tmp_path: Path) -> None:
    told = checked("vendor.compose-spec", DOCKER / "compose.yaml")
    assert told.returncode == 0, told.stdout
    wrong = tmp_path / "compose.yaml"
    wrong.write_text((DOCKER / "compose.yaml").read_text().replace("stop_grace_period", "stop_grace_time"))
    assert "stop_grace_time" in checked("vendor.compose-spec", wrong).stdout


@pytest.mark.parametrize("path", sorted((CHECKOUT / ".github" / "workflows").glob("*.yml")), ids=lambda path: path.name)
def test_a_workflow_is_sound(path: Path) -> None:
    told = checked("vendor.github-workflows", path)
    assert told.returncode == 0, told.stdout
    found = subprocess.run(
        [str(Path(sys.executable).parent / "zizmor"), "--offline", "--no-progress", str(path)], capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_has_all_that_its_services_wait_for(profile: str) -> None:
    members = {name: service for name, service in services().items() if profile in service["profiles"]}
    assert members.keys() == PROFILES[profile]
    assert all(set(service.get("depends_on", {})) <= members.keys() for service in members.values())


def test_no_password_has_a_default() -> None:
    told = [(name, str(value)) for service in services().values() for name, value in service.get("environment", {}).items()]
    secret = [value for name, value in told if re.search("PASSWORD|SECRET|ACCESS_KEY|COLLECTOR_KEY", name) or ("://" in value and "@" in value)]
    assert len(secret) > 20
    assert all(re.search(r"\$\{\w+:\?", value) for value in secret)
    assert not [value for value in secret if re.search(r"\$\{\w+:?-", value)]


@pytest.mark.parametrize("service", each_service())
def test_a_service_can_do_little_harm(service: dict[str, Any]) -> None:
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", service["user"])
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"cpus", "memory"} <= service["deploy"]["resources"]["limits"].keys()
    assert service["restart"] in ("unless-stopped", "on-failure")
    assert all(str(port).startswith("127.0.0.1:") for port in service.get("ports", []))


@pytest.mark.parametrize("service", each_service())
def test_an_image_is_pinned_or_built_here(service: dict[str, Any]) -> None:
    if "build" in service:
        built = (DOCKER / service["build"]["context"] / service["build"]["dockerfile"]).read_text()
        assert "target" not in service["build"] or f" AS {service['build']['target']}\n" in built
        assert all(re.search(r":[\w.-]*\d+\.\d+|:25-jre|^\w+$", image) for image in re.findall(r"^FROM (\S+)", built, re.MULTILINE))
    else:
        assert re.search(r":\d+\.\d+", service["image"])


@pytest.mark.parametrize("service", each_service())
def test_what_is_mounted_is_there(service: dict[str, Any]) -> None:
    mounted = [volume.split(":") for volume in service.get("volumes", [])]
    assert all((DOCKER / source).exists() and mode == ["ro"] for source, _, *mode in mounted if source.startswith("."))
    assert {source for source, *_ in mounted if not source.startswith(".")} <= resolved()["volumes"].keys()


def test_who_is_waited_for_says_how_it_is() -> None:
    for service in services().values():
        for name, wait in service.get("depends_on", {}).items():
            assert ("healthcheck" in services()[name]) == (wait["condition"] == "service_healthy")


@pytest.mark.parametrize("service", each_service())
def test_the_platforms_commands_and_settings_are_known(service: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in service.get("environment", {}).items():
        monkeypatch.setenv(name, re.sub(r"\$\{\w+:\?[^}]*\}", "secret", str(value)))
    understood = environment.read()
    if service.get("command", [""])[0] == "event-platform":
        assert understood.lake_url == "s3://lake/lake"
        assert understood.catalog == "postgresql://lake:secret@postgres:5432/lake"
        registry = "http://registry:8080/apis/ccompat/v7" if "streaming" in service["profiles"] else None
        assert (understood.kafka and understood.kafka.registry) == registry
        ended = CliRunner().invoke(cli.app, [*service["command"][1:], "--help"])
        assert ended.exit_code == 0, ended.output


def test_secrets_are_made_once_and_for_their_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("COLLECTOR_KEY=mine\n")
    for _ in range(2):
        subprocess.run(
            [sys.executable, "-c", f"import make_secrets, pathlib; make_secrets.main(pathlib.Path({str(file)!r}))"], cwd=DOCKER, check=True
        )
    made = dict(line.split("=") for line in file.read_text().splitlines())
    assert made.keys() == set(re.findall(r"\$\{(\w+):\?", (DOCKER / "compose.yaml").read_text()))
    assert made.pop("COLLECTOR_KEY") == "mine"
    assert all(re.fullmatch("[0-9a-f]{48}", value) for value in made.values())
    assert len(set(made.values())) == len(made)
    assert file.stat().st_mode & 0o077 == 0


def test_the_collector_asks_for_a_key_and_keeps_events_in_kafka(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.mkdir(parents=True)
    (home / "collector.toml").write_text((DOCKER / "collector.toml").read_text())
    monkeypatch.setenv("COLLECTOR_KEY", "secret")
    understood = collector.read(environment.read())
    understood.refuse_strangers("0.0.0.0")
    assert (understood.sink, understood.secrets()) == ("kafka", {"clients": "secret"})


@pytest.mark.parametrize("name", ["dagster.yaml", "ecs/dagster.yaml"])
def test_the_container_instance_names_classes_that_exist(name: str) -> None:
    configured = yaml.safe_load((DOCKER / name).read_text())
    for part in configured.values():
        if "module" in part:
            assert getattr(importlib.import_module(part["module"]), part["class"])


def test_runs_on_aws_are_containers_of_their_own(aws: str, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - ECS is there
    import boto3
    from dagster_aws.ecs import EcsRunLauncher

    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("RUN_TASK_DEFINITION", "events-run")
    boto3.client("ecs").register_task_definition(family="events-run", containerDefinitions=[{"name": "run", "image": "x", "memory": 1}])
    told = yaml.safe_load((DOCKER / "ecs" / "dagster.yaml").read_text())["run_launcher"]["config"]
    launcher = EcsRunLauncher(**told)
    assert launcher.task_definition.endswith("events-run:1")
    assert (launcher.container_name, launcher.secrets_tags) == ("run", [])


@pytest.mark.parametrize("path", [*DOCKER.glob("*Dockerfile"), DOCKER / "superset" / "Dockerfile"], ids=lambda path: str(path.relative_to(DOCKER)))
def test_a_dockerfile_passes_the_linter(path: Path) -> None:
    linter = Path(sys.executable).parent / "hadolint"
    ended = subprocess.run([str(linter), str(path)], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, "")
