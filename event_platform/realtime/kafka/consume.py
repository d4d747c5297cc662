"""Consuming the topics of sources into their landing, each in a thread of its own, until told to stop or nothing is left."""

from __future__ import annotations

import time
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

from event_platform.errors import TransientError, UsageError
from event_platform.lake.catalog import Lake
from event_platform.realtime.kafka import client, schemas
from event_platform.realtime.kafka.decoding import Decoder
from event_platform.realtime.kafka.membership import Membership
from event_platform.realtime.kafka.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from threading import Event

    from event_platform.environment import Environment
    from event_platform.sources.contract import Source

SHORTEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 30.0
"""Between attempts while Kafka, the registry or the disk is away."""


def streamed(environment: Environment, chosen: Sequence[Source], named: bool) -> list[Source]:
    """The sources that may be consumed: those that were named, else those of all that have a topic.

    Raises UsageError for a named one that cannot be streamed, and when none has a topic; TransientError when Kafka is away.
    """
    if named:
        if unfit := [source.name for source in chosen if not schemas.is_streamable(source)]:
            raise UsageError(f"{', '.join(unfit)} cannot be streamed: the files are no JSON lines, or their names say something.")
        return list(chosen)
    there = client.topics_of(environment)
    found = [source for source in chosen if schemas.is_streamable(source) and schemas.topic_of(source) in there]
    if not found:
        raise UsageError("No feed has a topic yet. Name one, and its topic is made; or start a collector that sends events to Kafka.")
    return found


def prepare(environment: Environment, chosen: Sequence[Source]) -> None:
    """Make topics that are missing, and see that the contracts may be as they are.

    Raises ConfigurationError when one has changed as its subject's rule forbids, TransientError when Kafka or the registry is away.
    """
    client.ensure_topics(environment, chosen)
    registry = Registry(environment)
    for source in chosen:
        registry.check(source)


def consume(environment: Environment, chosen: Sequence[Source], stop: Event, tell: Callable[[str], None], until_caught_up: bool = False) -> None:
    """Land the messages of these sources. What fails and may pass is tried again, but not with `until_caught_up`.

    Raises PlatformError once one of them cannot go on; then all end.
    """
    with ThreadPoolExecutor(len(chosen)) as threads:
        feeds = [threads.submit(_consume, environment, source, stop, tell, until_caught_up) for source in chosen]
        try:
            wait(feeds, return_when=FIRST_EXCEPTION)
        finally:
            stop.set()  # all are done, or one has failed, or Ctrl-C was pressed
    for feed in feeds:
        feed.result()


def _consume(environment: Environment, source: Source, stop: Event, tell: Callable[[str], None], until_caught_up: bool) -> None:
    """Be a member of the group, and after an error that may pass another one."""
    lake, decoder, pause = Lake(environment), Decoder(Registry(environment).schema), SHORTEST_PAUSE_SECONDS
    landed = 0
    while not stop.is_set():
        begun = time.monotonic()
        try:
            with Membership(lake, source, decoder, tell, landed) as member:
                try:
                    member.read(stop, until_caught_up)
                finally:
                    landed = member.landed
            return
        except TransientError as error:
            if until_caught_up:
                raise
            tell(f"{source.name}: {error} Trying again.")
        pause = SHORTEST_PAUSE_SECONDS if time.monotonic() - begun > LONGEST_PAUSE_SECONDS else min(2 * pause, LONGEST_PAUSE_SECONDS)
        stop.wait(pause)
