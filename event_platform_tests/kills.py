"""Processes of their own that have everything imported, and that can be made to kill themselves at a step."""

import multiprocessing
import os
import signal
from collections.abc import Callable
from itertools import count
from multiprocessing.context import ForkServerProcess
from typing import Any

FORKS = multiprocessing.get_context("forkserver")
PRELOADED = ("event_platform.definitions", "pyiceberg.catalog.sql", "pyiceberg.io.pyarrow", "apprise", "boto3")
FORKS.set_forkserver_preload([*PRELOADED, "event_platform_tests.pipeline", "event_platform_tests.alerts.conftest"])
"""Python has one server to fork from, so all that any of them needs is imported here."""

Kill = tuple[str, int, str]
"""Which step, its how many-th call, before or after it."""


def boundaries(calls: dict[str, int]) -> list[Kill]:
    """Every boundary of what comes by each step so many times."""
    return [(step, number, moment) for step, times in calls.items() for number in range(1, times + 1) for moment in ("before", "after")]


def arm(module: str, name: str, number: int, moment: str) -> None:
    """Make this process kill itself before or after the n-th call of a function or method."""
    holder: Any = __import__(module, fromlist=["_"])
    *classes, function = name.split(".")
    for each in classes:
        holder = getattr(holder, each)
    original: Callable[..., Any] = getattr(holder, function)
    calls = count(1)  # several threads may come by at once

    def armed(*args: Any, **kwargs: Any) -> Any:
        call = next(calls)
        if call == number and moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*args, **kwargs)
        if call == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(holder, function, armed)


def _settings() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith(("EVENT_PLATFORM", "AWS", "DUTY"))}


def _told(settings: dict[str, str], work: Callable[..., None], *args: object) -> None:
    for name in _settings():
        del os.environ[name]
    os.environ.update(settings)
    work(*args)


def child_for(work: Callable[..., None], *args: object) -> ForkServerProcess:
    """A process of its own for the work, to be started.

    The server that it is forked from began in an earlier test, so the child is told what the environment says now.
    """
    return FORKS.Process(target=_told, args=(_settings(), work, *args))


def in_child(work: Callable[..., None], *args: object, after_seconds: float | None = None) -> int | None:
    """Do the work in a process of its own, killed if it is not done after so long; its exit code, negative for the signal that ended it."""
    child = child_for(work, *args)
    child.start()
    child.join(after_seconds)
    child.kill()
    child.join()
    return child.exitcode
