"""A standalone Spark cluster on this machine: one master and two workers, each a process of its own, on loopback."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

CHECKOUT = Path(__file__).parent.parent.parent
DEFAULTS = f"""
spark.executor.memory               512m
spark.executorEnv.PYTHONPATH        {CHECKOUT}
spark.driver.host                   127.0.0.1
spark.driver.bindAddress            127.0.0.1
spark.sql.shuffle.partitions        4
spark.sql.codegen.wholeStage        false
"""


@dataclass
class Cluster:
    """Where the master is asked, and the workers, which may be killed."""

    master: str
    status: str
    workers: list[subprocess.Popen[bytes]]
    environment: dict[str, str]

    def kill_worker(self) -> None:
        """End the last worker and its executors at once, as a power cut would."""
        worker = self.workers.pop()
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait(30)

    @property
    def alive(self) -> int:
        """How many workers the master counts on."""
        return int(requests.get(self.status, timeout=10).json()["aliveworkers"])


@contextmanager
def started(folder: Path, defaults: str = "", unseen: Path | None = None) -> Iterator[Cluster]:
    """A cluster with two workers of one core each; gone afterwards.

    Where the workers are, the folder `unseen` is another, empty one, as it would be on another machine.
    """
    (folder / "conf").mkdir(parents=True)
    (folder / "conf" / "spark-defaults.conf").write_text(DEFAULTS + defaults)
    port, status_port = _free_ports(2)
    here = ["--host", "127.0.0.1"]
    environment = os.environ | {"SPARK_LOCAL_IP": "127.0.0.1", "SPARK_CONF_DIR": str(folder / "conf"), "PYSPARK_PYTHON": sys.executable}
    master = f"spark://127.0.0.1:{port}"
    with ExitStack() as processes:

        def begin(name: str, *words: str, within: Sequence[str] = ()) -> subprocess.Popen[bytes]:
            return processes.enter_context(_process(name, folder, environment, within, *here, *words))

        begin("master.Master", "--port", str(port), "--webui-port", str(status_port))
        sizes = ("--cores", "1", "--memory", "1g", "--webui-port", "0")
        workers = [
            begin("worker.Worker", *sizes, "--work-dir", str(folder / f"worker-{number}"), master, within=_elsewhere(unseen)) for number in range(2)
        ]
        cluster = Cluster(master, f"http://127.0.0.1:{status_port}/json/", workers, environment)
        _until_two_workers(cluster)
        yield cluster


@retry(wait=wait_fixed(0.3), stop=stop_after_delay(240), retry=retry_if_exception_type((AssertionError, requests.RequestException)), reraise=True)
def _until_two_workers(cluster: Cluster) -> None:
    assert cluster.alive == 2


def _elsewhere(unseen: Path | None) -> Sequence[str]:
    """The command that runs another where the folder is empty: with mounts of its own."""
    if unseen is None:
        return ()
    return ("unshare", "--mount", "--map-root-user", "sh", "-c", 'mount -t tmpfs none "$0" && exec "$@"', str(unseen))


def can_be_elsewhere() -> bool:
    """Whether a process of this user may have mounts of its own, which takes Linux and its user namespaces."""
    return shutil.which("unshare") is not None and subprocess.run([*_elsewhere(Path.cwd()), "true"], capture_output=True, check=False).returncode == 0


@contextmanager
def _process(name: str, folder: Path, environment: dict[str, str], within: Sequence[str], *words: str) -> Iterator[subprocess.Popen[bytes]]:
    import pyspark

    command = Path(pyspark.__file__).parent / "bin" / "spark-class"
    with (folder / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            [*within, str(command), f"org.apache.spark.deploy.{name}", *words], env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(30)


def _free_ports(count: int) -> list[int]:
    with ExitStack() as sockets:
        bound = [sockets.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [each.getsockname()[1] for each in bound]
