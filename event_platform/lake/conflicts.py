"""Steps that start anew when another writer was first.

A step opens the table that it writes before those that it reads, so that what it read is at least as new, and its commit fails if the table
has changed since. Doing it again from the tables as they are now is then all there is to do, and what the other has done is not done twice.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from event_platform.errors import ConflictError

P = ParamSpec("P")
R = TypeVar("R")

ATTEMPTS = 20
"""Eight who write without a break on two busy cores did not always get through in 12."""

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 20.0
"""Pauses are drawn from windows that double. The widest must hold an attempt of each writer, or they keep meeting."""


def starts_anew(step: Callable[P, R]) -> Callable[P, R]:
    """Repeat the step on ConflictError, after pauses that grow and differ between writers; the last error if it never gets through."""

    @wraps(step)
    def repeated(*args: P.args, **kwargs: P.kwargs) -> R:
        attempts = Retrying(
            retry=retry_if_exception_type(ConflictError),
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_random_exponential(multiplier=FIRST_PAUSE_SECONDS, max=LONGEST_PAUSE_SECONDS),
            reraise=True,
        )
        return attempts(step, *args, **kwargs)

    return repeated
