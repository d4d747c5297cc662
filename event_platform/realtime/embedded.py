"""The sink that needs nothing but a disk: lines go to segments in the landing, made durable for all who wait with one fsync.

A segment is handed to the queue when it is `SEGMENT_BYTES` long or `LONGEST_SECONDS` old; sooner, once nothing waits in pending/: so events are seen
at once while somebody works the queue off, and gather in few files while nobody does.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

from event_platform.errors import PlatformError, TransientError
from event_platform.lake import files
from event_platform.landing import segments
from event_platform.landing.segments import Segment
from event_platform.realtime.together import Together

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from event_platform.environment import Environment
    from event_platform.sources.contract import Source

SEGMENT_BYTES = 64 << 20
LONGEST_SECONDS = 10.0
SHORTEST_SECONDS = 0.2
"""Of segments, while nothing waits in pending/."""
LOOK_EVERY_SECONDS = 0.1
MOST_WAITING = 4
"""Segments that wait to be handed over, open all the while. What comes while so many wait, for a store that is away, is closed and left behind."""
RECOVER_EVERY_SECONDS = 10.0
"""How often what was left behind is tried again."""
RETRY_AFTER_SECONDS = 1.0
"""After the disk refused, it is left alone for so long, then tried, also if nobody posts: for nobody may while /health tells of trouble."""

_log = logging.getLogger(__name__)


class EmbeddedSink:
    """Segments of several sources; `most_bytes` bounds what waits for the disk."""

    def __init__(self, environment: Environment, most_bytes: int) -> None:
        """Touch no disk yet."""
        self._environment, self._most_bytes, self._waiting_bytes = environment, most_bytes, 0
        self._feeds: dict[str, _Feed] = {}

    async def append(self, source: Source, lines: bytes) -> None:
        """See `Sink`."""
        if self._waiting_bytes + len(lines) > self._most_bytes:
            raise TransientError("More waits for the disk than may; send it again a little later.")
        feed = self._feeds.get(source.name)
        if feed is None:
            feed = self._feeds[source.name] = _Feed(self._environment, source)
        self._waiting_bytes += len(lines)
        try:
            await feed.append(lines)
        finally:
            self._waiting_bytes -= len(lines)

    def trouble(self) -> str | None:
        """See `Sink`."""
        return next((feed.trouble for feed in self._feeds.values() if feed.trouble), None)

    async def close(self) -> None:
        """See `Sink`."""
        for feed in self._feeds.values():
            await feed.close()


class _Feed:
    """The segment of one source. Events are written in the one thread of `_commits`; what may wait for a store of objects has a thread beside it."""

    def __init__(self, environment: Environment, source: Source) -> None:
        self.environment, self.source = environment, source
        self.trouble: str | None = None
        self._tried = 0.0
        self._segment: Segment | None = None
        self._commits = Together(self._commit)
        self._hand_overs = ThreadPoolExecutor(1)
        self._room = threading.Semaphore(MOST_WAITING)
        self._is_left_behind, self._recovery, self._recovered_at = False, Future[None](), 0.0
        self._recovery.set_result(None)
        self._handing_over = asyncio.create_task(self._hand_over_in_time())

    async def append(self, lines: bytes) -> None:
        if self.trouble and time.monotonic() - self._tried < RETRY_AFTER_SECONDS:
            raise TransientError(self.trouble)
        await self._commits.ask(lines)

    async def close(self) -> None:
        self._handing_over.cancel()
        with suppress(asyncio.CancelledError):
            await self._handing_over
        await self._commits.between_rounds(self._hand_over)
        await self._commits.close()
        await asyncio.get_running_loop().run_in_executor(None, self._hand_overs.shutdown)

    def _commit(self, waiting: Sequence[bytes]) -> Sequence[None]:
        self._tried = time.monotonic()
        with self._trouble_noted():
            self._open_segment().append(b"".join(waiting))
        if self._segment and self._segment.size >= SEGMENT_BYTES:
            self._hand_over()
        return [None] * len(waiting)

    def _try_disk(self) -> None:
        with suppress(TransientError), self._trouble_noted():
            self._open_segment().try_disk()

    @contextmanager
    def _trouble_noted(self) -> Iterator[None]:
        try:
            with files.explained(f"Keeping events of {self.source.name}"):
                yield
        except PlatformError as error:
            if self.trouble is None:
                _log.error("%s", error)
            self.trouble = str(error)
            self._hand_over()
            raise TransientError(self.trouble) from error
        self.trouble = None

    def _open_segment(self) -> Segment:
        if self._segment is None:
            self._recover_meanwhile()
            self._segment = Segment(self.environment, self.source)
        return self._segment

    def _recover_meanwhile(self) -> None:
        if self._recovery.done():
            self._recovery = self._meanwhile(self._recover)

    def _recover(self) -> None:
        """What other processes left, or this one could not hand over; where that fails still, new events are kept all the same."""
        self._is_left_behind, self._recovered_at = False, time.monotonic()
        try:
            segments.recover(self.environment, self.source)
        except PlatformError as error:
            self._is_left_behind = True
            _log.error("%s", error)

    def _hand_over(self) -> None:
        segment, self._segment = self._segment, None
        if segment and self._room.acquire(blocking=False):
            self._meanwhile(partial(self._handed_over, segment))
        elif segment:
            segment.leave()
            self._is_left_behind = True

    def _meanwhile(self, work: Callable[[], None]) -> Future[None]:
        done = self._hand_overs.submit(work)
        done.add_done_callback(lambda done: done.result())  # what nobody expects is logged
        return done

    def _handed_over(self, segment: Segment) -> None:
        """A segment that cannot be handed over stays where `recover` finds it."""
        try:
            segment.hand_over()
        except (OSError, PlatformError) as error:
            self._is_left_behind = True
            _log.error("a segment of %s stays behind for now: %s", self.source.name, error)
        finally:
            self._room.release()

    def _hand_over_if_due(self) -> None:
        if self._segment:
            age = time.monotonic() - self._segment.begun
            if age >= LONGEST_SECONDS or (age >= SHORTEST_SECONDS and segments.is_queue_empty(self.environment, self.source)):
                self._hand_over()

    async def _hand_over_in_time(self) -> None:
        while True:
            await asyncio.sleep(RETRY_AFTER_SECONDS if self.trouble else LOOK_EVERY_SECONDS)
            if self.trouble:
                await self._commits.between_rounds(self._try_disk)
            elif self._segment:
                await self._commits.between_rounds(self._hand_over_if_due)
            if self._is_left_behind and time.monotonic() - self._recovered_at >= RECOVER_EVERY_SECONDS:
                self._recover_meanwhile()
