"""Runs that commands of this machine execute: each holds a lock, which its process loses however it ends.

Dagster asks only after runs that it started itself. One whose process was killed would seem to be under way for a day, and so long keep the
sensor of its source from starting another.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from event_platform import environment

if TYPE_CHECKING:
    import dagster as dg


@contextmanager
def under_way(run_id: str) -> Iterator[None]:
    """Hold the lock of a run while it is executed; ConfigurationError when nothing can be written in the home."""
    here = environment.read()
    lock = _folder(here) / f"{run_id}.lock"
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise environment.unwritable(here.home, error) from error
    with FileLock(lock):
        yield
        lock.unlink(missing_ok=True)  # not after an error, which may have left the run unfinished


def fail_dead(instance: dg.DagsterInstance) -> list[str]:
    """Report the unfinished runs of this machine whose process is gone as failed, and give their ids; what they left is for the next run."""
    dead = []
    for path in sorted(_folder(environment.read()).glob("*.lock")):
        with suppress(Timeout), FileLock(path, timeout=0):
            run = instance.get_run_by_id(path.stem)
            if run and not run.is_finished:
                instance.report_run_failed(run, "The process that executed this run is gone: it was killed, or the machine went down.")
                dead.append(run.run_id)
            path.unlink(missing_ok=True)
    return dead


def told(run_id: str) -> str:
    """What to say of a run that was reported."""
    return f"run {run_id[:8]} had died with its process; it counts as failed now, and what it left is done by the next run"


def _folder(here: environment.Environment) -> Path:
    """Locks of one machine only: of those that another holds, a shared file system may know nothing."""
    return here.under_way / socket.gethostname()
