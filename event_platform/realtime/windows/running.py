"""One stream a home, and nobody touches what it keeps while it runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from event_platform import home
from event_platform.errors import UsageError

if TYPE_CHECKING:
    from event_platform.environment import Environment


@contextmanager
def alone(environment: Environment, refusal: str) -> Iterator[None]:
    """Be the only one who runs the stream of this home, or keeps it from running; UsageError with the refusal when somebody else is."""
    folder = home.made(environment.home, environment.streams / "clickstream")
    try:
        with FileLock(folder / "running.lock", timeout=0):
            yield
    except Timeout as error:
        raise UsageError(refusal) from error
