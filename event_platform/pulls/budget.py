"""How many calls an API's plan still allows, kept in a file of the home, so that commands and schedules share one count.

The calls of the last day are remembered, and until when the API asked to be left alone. A file that is lost starts the count anew. What a clock that
was ahead has noted counts as of now, so it holds nobody back for longer than a day.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from event_platform.errors import HeldBackError
from event_platform.lake import files

HOUR_SECONDS, DAY_SECONDS = 3600, 86_400


@dataclass
class _Calls:
    """Seconds since 1970, oldest first, each with what was asked about; and until when nothing is to be asked."""

    made: list[tuple[float, str]] = field(default_factory=list)
    left_alone_until: float = 0.0


@dataclass(frozen=True)
class CallBudget:
    """At most `per_hour` and `per_day` calls (at least 1) in any 3,600 and 86,400 seconds. `clock` gives seconds since 1970."""

    path: Path
    per_hour: int
    per_day: int
    clock: Callable[[], float] = time.time

    def take(self, what: str) -> None:
        """Count a call about to be made. Raises HeldBackError, with the seconds to wait, when the plan or the API forbids it."""
        with self._calls() as calls:
            now = self.clock()
            calls.made = [(min(made_at, now), about) for made_at, about in calls.made if made_at > now - DAY_SECONDS]
            calls.left_alone_until = min(calls.left_alone_until, now + DAY_SECONDS)
            free_at = max(
                calls.left_alone_until,
                _free_at(calls.made, self.per_hour, HOUR_SECONDS, now),
                _free_at(calls.made, self.per_day, DAY_SECONDS, now),
            )
            if free_at <= now:
                calls.made.append((now, what))
        if free_at > now:
            raise HeldBackError(self._sentence(free_at, calls.left_alone_until == free_at), free_at - now)

    def leave_alone(self, seconds: float) -> None:
        """Make no call for so long, because the API said so; at most a day, for it may have been a slip."""
        with self._calls() as calls:
            calls.left_alone_until = max(calls.left_alone_until, self.clock() + min(seconds, DAY_SECONDS))

    def longest_unasked_first(self, names: Sequence[str]) -> list[str]:
        """The names in the order of their last calls, so that a plan too small for all of them serves each in turn."""
        with self._calls() as calls:
            last = {what: made_at for made_at, what in calls.made}
        return sorted(names, key=lambda name: last.get(name, 0.0))

    def _sentence(self, free_at: float, asked_to_wait: bool) -> str:
        when = f"{datetime.fromtimestamp(math.ceil(free_at), UTC):%Y-%m-%d %H:%M:%S} UTC"
        if asked_to_wait:
            return f"The API asked to be left alone until {when}. Nothing was landed; try again then."
        return (
            f"The plan's {self.per_hour} calls an hour or {self.per_day} a day are used up until {when}. "
            "Nothing was landed; ask about less, or less often, or raise the limits if the plan allows more."
        )

    @contextmanager
    def _calls(self) -> Iterator[_Calls]:
        from filelock import FileLock

        with files.explained(f"Counting calls in {self.path}"), FileLock(files.make_folder(self.path.parent) / f"{self.path.stem}.lock"):
            calls = self._read()
            yield calls
            files.write_whole(self.path, json.dumps(vars(calls)))

    def _read(self) -> _Calls:
        try:
            return _Calls(**json.loads(self.path.read_text(encoding="utf-8")))
        except (FileNotFoundError, TypeError, ValueError):
            return _Calls()


def _free_at(made: Sequence[tuple[float, str]], most: int, seconds: int, now: float) -> float:
    """When a further call fits, if at most so many may lie within so many seconds."""
    recent = [made_at for made_at, _ in made if made_at > now - seconds]
    return now if len(recent) < most else recent[-most] + seconds
