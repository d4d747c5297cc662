"""A real cluster computes what this machine alone does, also when it loses a worker in the middle."""

import subprocess
import sys
from pathlib import Path

import pytest
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from event_platform import sources
from event_platform.samples.payments import write_sample
from event_platform_tests.engines.both import Both
from event_platform_tests.engines.cluster import CHECKOUT, started

pytestmark = [pytest.mark.java, pytest.mark.timeout(1800)]


def test_a_worker_killed_in_the_middle_changes_nothing(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - settles at once
    homes = Both(sources.get("payments"), tmp_path, monkeypatch)
    files = {path.name: path.read_bytes() for path in write_sample(tmp_path / "sample", events=20_000, days=5)}
    homes.deliver(files, engines=["duckdb"])
    pipeline = homes.on("spark")
    for name, content in files.items():
        pipeline.drop(name, content)
    with started(tmp_path / "cluster") as cluster:
        told = cluster.environment | homes.settings("spark") | {"EVENT_PLATFORM_SPARK_MASTER": cluster.master}
        command = [sys.executable, "-m", "event_platform.cli", "run", "payments"]
        with subprocess.Popen(command, env=told, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as run:
            _until_a_file_is_written(run, tmp_path / "spark" / "lake" / "stage" / "payments" / "data")
            cluster.kill_worker()
            assert run.poll() is None
            output, _ = run.communicate(timeout=900)
        assert run.returncode == 0, output
    homes.agree()
    assert pipeline.status().balanced


@retry(wait=wait_fixed(0.02), stop=stop_after_delay(400), retry=retry_if_exception_type(AssertionError), reraise=True)
def _until_a_file_is_written(run: subprocess.Popen[str], folder: Path) -> None:
    """The executors have begun to write stage; nothing of it is committed before the last of them is done."""
    if run.poll() is not None:
        raise RuntimeError(run.communicate()[0])
    assert any(folder.rglob("*.parquet"))
