"""From a request's events to an answer: judged, counted, kept durably, told. Nothing is acknowledged that the sink does not keep."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from event_platform.errors import TransientError
from event_platform.realtime import metrics
from event_platform.realtime.judging import Judge
from event_platform.realtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from event_platform.environment import Environment
    from event_platform.realtime.access import Doorkeeper
    from event_platform.realtime.envelopes import Opened
    from event_platform.realtime.sink import Sink
    from event_platform.sources.contract import Source

TOPIC = re.compile(r"[a-zA-Z0-9._-]{1,60}")
"""A name that is repeated to whoever asked for it."""


class Intake:
    """The topics, each with its judge, before one sink."""

    def __init__(self, environment: Environment, topics: Mapping[str, Source], doorkeeper: Doorkeeper, sink: Sink) -> None:
        """Open nothing yet."""
        self.topics, self.doorkeeper, self.sink = topics, doorkeeper, sink
        self._judges = {name: Judge(environment, source) for name, source in topics.items()}

    def source(self, topic: str) -> Source:
        """The contract of a topic; Refusal 404 when it is none."""
        if topic not in self.topics:
            named = f"topic {topic}" if TOPIC.fullmatch(topic) else "such topic"
            raise Refusal(404, f"There is no {named}; there are: {', '.join(self.topics)}.")
        return self.topics[topic]

    async def take(self, topic: str, events: bytes | Opened, client: str) -> tuple[int, dict[str, Any]]:
        """Keep what is sound of a JSON body, or of records out of envelopes; status and answer.

        Raises Refusal 429 and 503, PermanentError when the body is not JSON; nothing is kept then.
        """
        verdict = await self._judges[topic].judge(events if isinstance(events, bytes) else events.body)
        rejected = verdict.rejected if isinstance(events, bytes) else events.told(verdict.rejected)
        self.doorkeeper.charge(client, verdict.accepted + len(rejected))
        if verdict.accepted:
            await self._keep(topic, verdict.lines)
        metrics.EVENTS.labels(topic, "accepted").inc(verdict.accepted)
        metrics.EVENTS.labels(topic, "rejected").inc(len(rejected))
        if rejected:
            return 422, {"accepted": verdict.accepted, "rejected": [{"index": each.index, "reason": each.reason} for each in rejected]}
        return 200, {"accepted": verdict.accepted}

    async def _keep(self, topic: str, lines: bytes) -> None:
        try:
            with metrics.KEEPING.time():
                await self.sink.append(self.topics[topic], lines)
        except TransientError as error:
            raise Refusal(503, "Events cannot be kept at present. Send them again.", {"Retry-After": "1"}) from error

    async def close(self) -> None:
        """Finish what was begun."""
        await self.sink.close()
        for judge in self._judges.values():
            await judge.close()
