"""A pull from question to landed file: the body waits in the scratch folder until it is checked, then appears in `pending/` at once.

Instead of being landed here it may be delivered to a stream, from which a consumer lands it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from event_platform.engines.duckdb import connect
from event_platform.errors import PlatformError
from event_platform.landing import queue
from event_platform.pulls.body import Shape, count_records
from event_platform.pulls.client import Answer, Patience, Request, pull
from event_platform.scratch import passing_folder
from event_platform.wording import counted

if TYPE_CHECKING:
    from event_platform.environment import Environment
    from event_platform.sources.contract import Source

Outcome = Literal["complete", "short", "long", "empty"]
"""As many records as asked for, fewer, more, or none; an empty answer is not landed, for there is nothing in it to keep."""

Deliver = Callable[[Path], str]
"""Takes a checked body for good, and gives where it went, in words."""


@dataclass(frozen=True)
class Pulled:
    """How a pull ended: `asked` records were wanted (None: the API does not count), `file` is the name in pending/ (None: nothing landed there).

    `delivered` is where the body went instead, in words.
    """

    what: str
    outcome: Outcome
    status: int
    records: int
    asked: int | None
    bytes: int
    attempts: int
    file: str | None
    delivered: str | None = None

    def __str__(self) -> str:
        """One line for people."""
        landed = self.delivered or (f"landed as {self.file}" if self.file else "nothing landed")
        records, attempts = counted(self.records, "record"), counted(self.attempts, "attempt")
        return f"{self.what}: {self.outcome}, {records}, {self.bytes:,} bytes, status {self.status}, {attempts}; {landed}"

    def facts(self) -> dict[str, Any]:
        """The same as metadata of an asset."""
        facts: dict[str, Any] = {"outcome": self.outcome, "status": self.status, "records": self.records, "asked": self.asked, "bytes": self.bytes}
        facts |= {"attempts": self.attempts, "file": self.file, "delivered": self.delivered}
        return {name: value for name, value in facts.items() if value is not None}


@dataclass(frozen=True)
class Failed:
    """A pull that landed nothing, and why."""

    what: str
    error: PlatformError

    def __str__(self) -> str:
        """One line for people."""
        return f"{self.what}: {self.error}"


def pull_and_land(
    environment: Environment,
    source: Source,
    what: str,
    request: Request,
    shape: Shape,
    *,
    asked: int | None = None,
    patience: Patience | None = None,
    before_attempt: Callable[[], None] = lambda: None,
    sleep: Callable[[float], None] = time.sleep,
    deliver: Deliver | None = None,
) -> Pulled:
    """Pull, check and land as `<source>-<what>.json`, byte for byte; or `deliver`. Raises what `client.pull`, `queue.land` and `deliver` raise."""
    with passing_folder(environment.scratch, "pull-") as folder, connect(environment) as duck:
        answer = pull(
            request,
            folder,
            lambda path: count_records(path, shape, duck, request.shown),
            patience or patience_of(environment),
            before_attempt=before_attempt,
            sleep=sleep,
        )
        outcome = _outcome(answer.records, asked)
        file = delivered = None
        if deliver and outcome != "empty":
            delivered = deliver(answer.path)
        elif outcome != "empty":
            file = _land(environment, source, answer, f"{source.name}-{what}.json")
    return Pulled(what, outcome, answer.status, answer.records, asked, answer.bytes, answer.attempts, file, delivered)


def patience_of(environment: Environment) -> Patience:
    """The patience that the settings ask for."""
    return Patience(deadline_seconds=environment.pull_deadline.total_seconds(), most_bytes=environment.pull_most_bytes)


def _outcome(records: int, asked: int | None) -> Outcome:
    if records == 0:
        return "empty"
    if asked is None or records == asked:
        return "complete"
    return "short" if records < asked else "long"


def _land(environment: Environment, source: Source, answer: Answer, name: str) -> str:
    (landed,) = queue.land(environment, source, [answer.path.rename(answer.path.with_name(name))])
    return landed.name


def raise_first(failed: Sequence[Failed], of: int) -> None:
    """Raise the first error, if there is one, and say in it how many of the pulls it was."""
    if not failed:
        return
    first = failed[0]
    if of == 1:
        raise first.error
    names = ", ".join(each.what for each in failed[:10]) + (" …" if len(failed) > 10 else "")
    raise type(first.error)(f"{len(failed)} of {of} pulls landed nothing: {names}. The first: {first.error}") from None
