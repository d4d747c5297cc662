"""`make deploy`: in which order it works and what it does when a step fails; programs that take notes stand for Terraform, Docker and AWS."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from event_platform.environment import CHECKOUT

pytestmark = pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not on this machine")

PROGRAMS = {
    "terraform": r"""
case "$*" in
    "output -raw image_tag") cat "$STATE/asked" 2> /dev/null ;;
    "output -raw repository") echo 123456789012.dkr.ecr.eu-west-1.amazonaws.com/events ;;
    "output -raw cluster") echo events ;;
    "output -json empty_secrets") echo '["events/tomorrow_api_key"]' ;;
    "output -json services") echo "{\"code\": \"code:$(cat "$STATE/asked")\", \"daemon\": \"daemon:$(cat "$STATE/asked")\"}" ;;
    plan*) for word in "$@"; do case $word in image_tag=*) echo "${word#image_tag=}" > "$STATE/planned" ;; esac; done ;;
    apply*) cp "$STATE/planned" "$STATE/asked"; [ "$(cat "$STATE/asked")" = "$BROKEN" ] || cp "$STATE/asked" "$STATE/running" ;;
esac
""",
    "aws": r"""
case "$*" in
    *get-secret-value*) [ -z "${EMPTY:-}" ] ;;
    *describe-images*) [ -n "${BUILT:-}" ] ;;
    *get-login-password*) echo password ;;
    *"--services code"*) echo "code:$(cat "$STATE/running")" ;;
    *"--services daemon"*) echo "daemon:$(cat "$STATE/running")" ;;
esac
""",
    "docker": '[ "$1" != login ] || cat > /dev/null\n',
}


class Deployment:
    """A commit to deploy, and what was asked of whom."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.asked = folder, folder / "asked.log"
        (folder / "checkout" / "terraform").mkdir(parents=True)
        shutil.copy(CHECKOUT / "terraform" / "deploy", folder / "checkout" / "terraform")
        for words in (["init", "--quiet"], ["add", "."], ["-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "--quiet", "-m", "a"]):
            subprocess.run(["git", *words], cwd=folder / "checkout", check=True)
        self.tag = subprocess.check_output(["git", "rev-parse", "--short=12", "HEAD"], cwd=folder / "checkout", text=True).strip()
        for name, body in PROGRAMS.items():
            program = folder / "bin" / name
            program.parent.mkdir(exist_ok=True)
            program.write_text(f'#!/bin/sh\necho "{name} $*" >> "{self.asked}"\n{body}')
            program.chmod(0o755)

    def run(self, **settings: str) -> subprocess.CompletedProcess[str]:
        there = {**os.environ, "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}", "STATE": str(self.folder), "BROKEN": "", **settings}
        return subprocess.run([self.folder / "checkout" / "terraform" / "deploy"], env=there, capture_output=True, text=True, check=False)

    def steps(self) -> list[str]:
        """What changed something, in order."""
        changing = ("terraform apply", "docker build", "docker push")
        return [next(step for step in changing if line.startswith(step)) for line in self.asked.read_text().splitlines() if line.startswith(changing)]

    @property
    def running(self) -> str:
        return (self.folder / "running").read_text().strip()

    @running.setter
    def running(self, tag: str) -> None:
        for name in ("asked", "running"):
            (self.folder / name).write_text(tag)


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    return Deployment(tmp_path)


def test_the_first_time_places_are_made_before_the_image_and_the_image_before_what_runs_it(deployment: Deployment) -> None:
    ended = deployment.run()
    assert ended.returncode == 0, ended.stderr
    assert deployment.steps() == ["terraform apply", "docker build", "docker push", "terraform apply"]
    assert deployment.running == deployment.tag


def test_an_image_that_is_there_is_not_built_again(deployment: Deployment) -> None:
    deployment.running = "before"
    assert deployment.run(BUILT="yes").returncode == 0
    assert deployment.steps() == ["terraform apply", "terraform apply"]
    assert deployment.running == deployment.tag


def test_a_version_that_is_not_well_is_left_for_the_one_before(deployment: Deployment) -> None:
    deployment.running = "before"
    ended = deployment.run(BROKEN=deployment.tag)
    assert ended.returncode == 1
    assert f"code runs code:before, not code:{deployment.tag}" in ended.stderr
    assert "before runs again" in ended.stderr
    assert deployment.running == "before"
    assert (deployment.folder / "asked").read_text().strip() == "before"


def test_nothing_is_built_while_a_secret_is_missing(deployment: Deployment) -> None:
    deployment.running = "before"
    ended = deployment.run(EMPTY="yes")
    assert ended.returncode == 1
    assert "events/tomorrow_api_key has no value" in ended.stderr
    assert deployment.steps() == ["terraform apply"]
    assert deployment.running == "before"


def test_what_is_not_committed_is_not_deployed(deployment: Deployment) -> None:
    with (deployment.folder / "checkout" / "terraform" / "deploy").open("a") as script:
        script.write("# changed\n")
    ended = deployment.run()
    assert ended.returncode == 1
    assert "not committed" in ended.stderr
    assert not deployment.asked.exists()
