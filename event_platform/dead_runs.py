"""Runs that commands of this machine execute: each holds a lock, which its process loses however it ends.

Dagster asks only after runs that it started itself. One whose process was killed would seem to be under way for a day, and so long keep the
sensor of its source from starting another.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from event_platform import environment, home

if TYPE_CHECKING:
    import dagster as dg


STRANGERS_KEPT_SECONDS = 86400.0
"""A run that this instance does not know may be another's, where one process has DAGSTER_HOME set and one has not."""


@contextmanager
def under_way(run_id: str) -> Iterator[None]:
    """Hold the lock of a run while it is executed; raises as `home.written` does."""
    here = environment.read()
    lock = _folder(here) / f"{run_id}.lock"
    held = FileLock(lock)
    with home.written(here.home):
        lock.parent.mkdir(parents=True, exist_ok=True)
        held.acquire()
    try:
        yield
        lock.unlink(missing_ok=True)  # not after an error, which may have left the run unfinished
    finally:
        held.release()


def fail_dead(instance: dg.DagsterInstance) -> list[str]:
    """Report the unfinished runs of this machine whose process is gone as failed, and give their ids; what they left is for the next run."""
    dead = []
    for path in sorted(_folder(environment.read()).glob("*.lock")):
        with suppress(Timeout, PermissionError), FileLock(path, timeout=0):  # held by a living process, or another user's
            run = instance.get_run_by_id(path.stem)
            if run and not run.is_finished:
                instance.report_run_failed(run, "The process that executed this run is gone: it was killed, or the machine went down.")
                dead.append(run.run_id)
            if run or time.time() - path.stat().st_mtime > STRANGERS_KEPT_SECONDS:
                path.unlink(missing_ok=True)
    return dead


def told(run_id: str) -> str:
    """What to say of a run that was reported."""
    return f"run {run_id[:8]} had died with its process; it counts as failed now, and what it left is done by the next run"


def _folder(here: environment.Environment) -> Path:
    """Locks of one machine only: of those that another holds, a shared file system may know nothing."""
    return here.under_way / socket.gethostname()
