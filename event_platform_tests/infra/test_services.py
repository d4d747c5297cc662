"""`make services`: one server of a name in a folder, its settings to source, and all ended when one is."""

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from infra.__main__ import alone
from infra.errors import InfraError

HOLD = "import sys, pathlib, os\nfrom infra.__main__ import alone\nwith alone(pathlib.Path(sys.argv[1]), 'postgres'):\n    os._exit(0)"


def services(folder: Path, *names: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "infra", *names, "--folder", str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def lines_until(process: subprocess.Popen[str], last: str) -> list[str]:
    """What it says; to its end if it does not say `last`."""
    assert process.stdout
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if lines[-1] == last:
            break
    return lines


def sourced(folder: Path) -> dict[str, str]:
    """The variables of a shell that has sourced the file."""
    told = subprocess.run(["sh", "-c", '. "$1/env" && env', "sh", str(folder)], capture_output=True, text=True, check=True, env={})
    return dict(line.split("=", 1) for line in told.stdout.splitlines())


def test_a_second_one_is_refused_and_a_dead_one_blocks_nothing(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", HOLD, str(tmp_path)], check=True)
    with alone(tmp_path, "postgres"), alone(tmp_path, "seaweedfs"):
        told = rf"postgres is already run from {tmp_path} by another `make services`; end that one, or name another folder"
        with pytest.raises(InfraError, match=told), alone(tmp_path, "postgres"):
            pytest.fail("two run from one folder")
    with alone(tmp_path, "postgres"):
        pass


@pytest.mark.server
def test_servers_are_told_refused_twice_and_end_together(server_folder: Path) -> None:
    folder = server_folder / "of a person"
    first = services(folder, "seaweedfs", "postgres")
    try:
        told = lines_until(first, "Ctrl-C ends them.")
        assert told[-1] == "Ctrl-C ends them."
        assert f"  . '{folder}/env'" == told[told.index("In the shell that is to use them:") + 1]
        there = sourced(folder)
        for name in ("AWS_SECRET_ACCESS_KEY", "EVENT_PLATFORM_LAKE", "EVENT_PLATFORM_CATALOG"):
            assert f"  export {name}={there[name]}" in told
        second = services(folder, "postgres")
        assert any(line.startswith(f"Error: postgres is already run from {folder} ") for line in lines_until(second, ""))
        assert second.wait() == 1
        assert first.poll() is None
        servers = psutil.Process(first.pid).children()
        next(server for server in servers if server.name() == "weed").kill()
        (last,) = lines_until(first, "")[-1:]
        assert last == f"Error: seaweedfs has ended; what it said is in {folder}/seaweedfs. The others were ended too. The data stays."
        assert first.wait() == 1
        assert not any(server.is_running() and server.status() != psutil.STATUS_ZOMBIE for server in servers)
        assert "EVENT_PLATFORM_LAKE" not in sourced(folder)
    finally:
        first.terminate()
        first.wait()
