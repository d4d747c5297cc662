"""Programs that serve: they answer before the block begins, and nothing of them is left after it."""

import socket
import sys
from pathlib import Path

import psutil
import pytest

from infra.errors import InfraError
from infra.process import LOOPBACK, ports, running

SERVES_WITH_A_CHILD = """
import http.server, subprocess, sys
subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
http.server.test(http.server.SimpleHTTPRequestHandler, port=int(sys.argv[1]), bind="127.0.0.1")
"""


def answers(port: int) -> bool:
    with socket.create_connection((LOOPBACK, port), timeout=5):
        return True


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_program_answers_and_ends_with_its_children(tmp_path: Path) -> None:
    port = ports(tmp_path, "http")["http"]
    with running("any", [sys.executable, "-c", SERVES_WITH_A_CHILD, str(port)], tmp_path, lambda: answers(port)) as process:
        assert answers(port)
        family = [process.pid, *(child.pid for child in process.children(recursive=True))]
        assert len(family) == 2
    assert not any(is_alive(pid) for pid in family)


def test_a_program_that_ends_as_it_starts_is_told_with_its_last_words(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import sys; sys.exit('no disk')"]
    with pytest.raises(InfraError, match=r"(?s)any ended as it started.*no disk"), running("any", command, tmp_path, lambda: False):
        pytest.fail("it is not to be used")


def test_a_program_that_never_answers_is_told_and_ended(tmp_path: Path) -> None:
    before = {child.pid for child in psutil.Process().children()}
    command = [sys.executable, "-c", "import signal; signal.pause()"]
    with pytest.raises(InfraError, match="does not answer after 1 seconds"), running("any", command, tmp_path, lambda: False, seconds=1):
        pytest.fail("it is not to be used")
    assert {child.pid for child in psutil.Process().children()} <= before  # some of an earlier test may have ended meanwhile


def test_ports_are_remembered_in_the_folder(tmp_path: Path) -> None:
    first = ports(tmp_path, "a", "b")
    assert ports(tmp_path, "a", "b", "c") | first == ports(tmp_path, "c")
    assert len(set(ports(tmp_path).values())) == 3
