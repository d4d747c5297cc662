"""Which events of a request are kept, and why the others are not: what is sound beyond doubt at once, the rest as the lake judges it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from event_platform import partitions
from event_platform.errors import PermanentError, UsageError
from event_platform.realtime.asking import LakeJudge, on_one_line
from event_platform.realtime.doubtless import Doubtless
from event_platform.realtime.together import Together

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from event_platform.environment import Environment
    from event_platform.sources.contract import Source

_ARRAY, _ONE = msgspec.json.Decoder(list[msgspec.Raw]), msgspec.json.Decoder(msgspec.Raw)
_SPACE = b" \t\r\n"


@dataclass(frozen=True)
class Rejected:
    """An event that is not kept: its place in the request from 0, and the reason, which quotes no value."""

    index: int
    reason: str


@dataclass(frozen=True)
class Verdict:
    """The kept events as lines, how many they are, and those that are not kept."""

    lines: bytes
    accepted: int
    rejected: list[Rejected] = field(default_factory=list)


class Judge:
    """Judges the events of one source. Lives in one event loop."""

    def __init__(self, environment: Environment, source: Source) -> None:
        """Open nothing before it is needed."""
        self._environment, self._source = environment, source
        self._lake: LakeJudge | None = None
        self._asked: Together[Sequence[bytes], list[str | None]] = Together(self._ask)
        self._day: date | None = None
        self._doubtless: Doubtless | None = None

    async def judge(self, body: bytes) -> Verdict:
        """Judge one JSON object, or an array of them. Raises PermanentError when the body is no JSON."""
        events, array = _split(body)
        if not events:
            return Verdict(b"", 0)
        doubtless = self._doubtless_today()
        if doubtless and doubtless.are_all(array):
            return Verdict(_as_lines(events), len(events))
        doubtful = [number for number, event in enumerate(events) if not (doubtless and doubtless.is_one(event))]
        reasons = dict(zip(doubtful, await self._asked.ask([events[number] for number in doubtful]), strict=True)) if doubtful else {}
        rejected = [Rejected(number, reason) for number, reason in reasons.items() if reason is not None]
        broken = {each.index for each in rejected}
        kept = [event for number, event in enumerate(events) if number not in broken]
        return Verdict(_as_lines(kept), len(kept), rejected)

    async def close(self) -> None:
        """Give back what was opened."""
        if self._lake:
            await self._asked.between_rounds(self._lake.close)
        await self._asked.close()

    def _doubtless_today(self) -> Doubtless | None:
        today = partitions.today()
        if self._day != today:
            self._day = today
            try:
                self._doubtless = Doubtless(self._source, today)
            except UsageError:
                self._doubtless = None
        return self._doubtless

    def _ask(self, questions: Sequence[Sequence[bytes]]) -> list[list[str | None]]:
        if self._lake is None:
            self._lake = LakeJudge(self._environment, self._source)
        answers = iter(self._lake.reasons([line for lines in questions for line in lines]))
        return [[next(answers) for _ in lines] for lines in questions]


def _split(body: bytes) -> tuple[list[bytes], bytes]:
    """The events as they came, each on one line, and all of them as an array."""
    is_array = body.lstrip(_SPACE).startswith(b"[")
    try:
        events = list(map(bytes, _ARRAY.decode(body) if is_array else [_ONE.decode(body)]))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise PermanentError("The body is not JSON. Send one object, or an array of objects.") from error
    if b"\n" in body or b"\r" in body:
        events = list(map(on_one_line, events))
    return events, body if is_array else b"[%b]" % body


def _as_lines(events: Sequence[bytes]) -> bytes:
    return b"\n".join(events) + b"\n" if events else b""
