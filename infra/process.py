"""Programs that serve for a while: started on ports that are free, asked until they answer, and ended with all their children."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
from ephemeral_port_reserve import reserve
from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from infra.errors import InfraError

LOOPBACK = "127.0.0.1"
POLL_SECONDS = 0.1
END_SECONDS = 20
"""How long a program may take to end before it is killed."""

_PR_SET_PDEATHSIG = 1


def ports(folder: Path, *names: str) -> dict[str, int]:
    """A free loopback port for each name. They are remembered in `folder`: whoever starts there again finds the same addresses."""
    remembered = folder / "ports.json"
    known: dict[str, int] = json.loads(remembered.read_text()) if remembered.exists() else {}
    for name in names:
        if name not in known:
            known[name] = reserve(LOOPBACK)
    folder.mkdir(parents=True, exist_ok=True)
    remembered.write_text(json.dumps(known))
    return known


@contextmanager
def running(
    name: str,
    command: Sequence[str],
    folder: Path,
    is_ready: Callable[[], bool],
    *,
    seconds: float = 120,
    environment: Mapping[str, str] | None = None,
    user: str | None = None,
    end_with: signal.Signals = signal.SIGTERM,
) -> Iterator[psutil.Popen]:
    """The program, answering; its output goes to `folder/<name>.log`. It ends with the block, or when this process dies.

    `is_ready` is asked again and again until it says so; an OSError counts as no. Raises InfraError with the end of the log when the program
    ends before that or takes longer than `seconds`.
    """
    log = folder / f"{name}.log"
    with log.open("ab") as output:
        process = psutil.Popen(
            [*command],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            user=user,
            start_new_session=True,
            preexec_fn=_end_with_parent,
        )
    try:
        _wait(name, process, is_ready, seconds, log)
        yield process
    finally:
        end(process, end_with)


def _wait(name: str, process: psutil.Popen, is_ready: Callable[[], bool], seconds: float, log: Path) -> None:
    def answers() -> bool:
        if process.poll() is not None:
            raise InfraError(f"{name} ended as it started. The end of {log}:\n{_tail(log)}")
        try:
            return is_ready()
        except OSError:  # which requests' and urllib's errors are too
            return False

    try:
        Retrying(retry=retry_if_result(lambda ready: not ready), stop=stop_after_delay(seconds), wait=wait_fixed(POLL_SECONDS))(answers)
    except RetryError as error:
        raise InfraError(f"{name} does not answer after {seconds:g} seconds. The end of {log}:\n{_tail(log)}") from error


def end(process: psutil.Popen, how: signal.Signals = signal.SIGTERM) -> None:
    """End the program and all that it started; what does not go in time is killed."""
    try:
        family = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        family = [process]
    for each in family[:1]:
        _tell(each, how)
    _, left = psutil.wait_procs(family[:1], timeout=END_SECONDS)
    for each in {*left, *family[1:]}:
        _tell(each, signal.SIGKILL)
    psutil.wait_procs(family, timeout=END_SECONDS)


def _tell(process: psutil.Process, what: signal.Signals) -> None:
    try:
        process.send_signal(what)
    except psutil.NoSuchProcess:
        return


def _end_with_parent() -> None:
    """Linux tells a program when the one that started it dies, however it dies."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _tail(log: Path, lines: int = 15) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
