"""The process that counts windows: it keeps a query of Spark's going, tells how it is, and records what the query did not count."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from threading import Event
from typing import TYPE_CHECKING, Any

from event_platform.aggregate.clickstream_live import WINDOWS
from event_platform.aggregate.clickstream_windows import WINDOW_SECONDS
from event_platform.engines.duckdb import connect
from event_platform.errors import PlatformError, TransientError
from event_platform.lake.catalog import Lake
from event_platform.realtime.kafka import client, registry
from event_platform.realtime.windows import batches, checkpoint, failures, report, untimely
from event_platform.realtime.windows.backlog import Backlog
from event_platform.realtime.windows.heartbeat import Heartbeat, beating
from event_platform.realtime.windows.query import COUNTED, TOPIC, Windows, checkpoint_of, session
from event_platform.realtime.windows.running import alone
from event_platform.sources.clickstream import SOURCE
from event_platform.wording import counted

if TYPE_CHECKING:
    from pyspark.sql.streaming.query import StreamingQuery

    from event_platform.environment import Environment

Tell = Callable[[str], None]

RUNS_ALREADY = "A stream of this home runs already; `event-platform doctor` says how it is."
LONGEST_PAUSE_SECONDS = 30.0
TIDY_SECONDS = 120.0
REPORT_SECONDS = 60.0
"""How often the UI is told of new rows, so that Dagster's log of events stays small."""


def stream(environment: Environment, tell: Tell, until_caught_up: bool = False, anew: bool = False) -> None:
    """Count windows until told to end (KeyboardInterrupt), or until all that is in the topic was read.

    `anew` forgets what was read: the topic is read from its beginning, and each window that it still holds events of is counted again. While
    Kafka or the registry are away, as it begins or later, it waits, unless it is to end once caught up. Raises ConfigurationError, UsageError when
    a stream of this home runs already, and what `failures.explained` says.
    """
    client.kafka_of(environment)
    with alone(environment, RUNS_ALREADY), connect(environment) as duck:
        if anew:
            shutil.rmtree(checkpoint_of(environment), ignore_errors=True)
        windows = Windows(environment, session(environment), duck)
        try:
            _until_interrupted(Supervisor(windows, tell), until_caught_up)
        finally:
            windows.let_go()


def _until_interrupted(supervisor: Supervisor, until_caught_up: bool) -> None:
    """Work in a thread of its own: a signal in the middle of a call into Java would break that off, and what it says of it with it."""
    with ThreadPoolExecutor(1) as thread:
        work = thread.submit(supervisor.run, until_caught_up)
        try:
            work.result()
        except KeyboardInterrupt:
            supervisor.told_to_end.set()
            work.result()
            raise


def _schemas(environment: Environment) -> dict[int, dict[str, Any] | None]:
    """The schemas that are likely: the newest, and the one that the contract makes."""
    known = registry.Registry(environment)
    return {each.schema_id: each.schema for each in (known.latest(SOURCE), known.own(SOURCE)) if each}


@dataclass
class Supervisor:
    """Keeps one query going."""

    windows: Windows
    tell: Tell
    beat: Heartbeat = field(default_factory=Heartbeat.begun)
    tidied_at: float = field(default_factory=time.monotonic)
    told_to_end: Event = field(default_factory=Event)

    @cached_property
    def backlog(self) -> Backlog:
        """What the query has before it."""
        return Backlog(self.windows.environment, TOPIC, self.windows.checkpoint)

    @property
    def lake(self) -> Lake:
        """The lake, as it is now."""
        return Lake(self.windows.environment)

    def run(self, until_caught_up: bool) -> None:
        """Work until the query ends or `told_to_end`; the last heartbeat says whether it ended well."""
        environment = self.windows.environment
        try:
            with beating(environment, lambda: self.beat):
                self._keep_going(until_caught_up, report.Reporter(REPORT_SECONDS, self.tell))
        except BaseException as error:
            self._say(state="failed", why=str(error) if isinstance(error, PlatformError) else type(error).__name__)
            raise
        self._say(state="stopped" if self.told_to_end.is_set() else "caught up")

    def _keep_going(self, until_caught_up: bool, reporter: report.Reporter) -> None:
        """One query after another, until one ends well or in a way that will not pass."""
        pause = 1.0
        while not self.told_to_end.is_set():
            try:
                self._one_query(until_caught_up, reporter)
                return
            except failures.UnknownSchemaError as error:
                self._learn(error.number)
            except TransientError as error:
                if until_caught_up:
                    raise
                pause = 1.0 if self.beat.state == "running" else pause
                self.tell(str(error))
                self._say(state="waiting", why=str(error))
                self.told_to_end.wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def _one_query(self, until_caught_up: bool, reporter: report.Reporter) -> None:
        """Until the query ends, or this is told to. Raises what made it fail."""
        with failures.explained(self.windows):
            self._prepare()
            self._resume()
            query = self.windows.start(until_caught_up)
            self.tell(f"counting windows of {counted(WINDOW_SECONDS, 'second')}")
            try:
                while not (query.awaitTermination(1) or self.told_to_end.is_set()):
                    self._take_in(query)
                    reporter.tell(self.lake, self.beat)
                    self._tidy()
                self._take_in(query)
                reporter.tell(self.lake, self.beat, at_end=True)
            finally:
                query.stop()

    def _prepare(self) -> None:
        """What a query needs outside: its topic, and the schemas that are likely, of which it may have learned more."""
        client.ensure_topics(self.windows.environment, [SOURCE])
        self.windows.schemas = _schemas(self.windows.environment) | self.windows.schemas

    def _resume(self) -> None:
        """Look through what a query that died had not looked through."""
        query = checkpoint.query_of(self.windows.checkpoint)
        if query is not None:
            noted = batches.looked_through(self.lake.open(WINDOWS), query)
            self.windows.looked_through = max(self.windows.looked_through, noted)
            self._look_through(checkpoint.last_done(self.windows.checkpoint))

    def _take_in(self, query: StreamingQuery) -> None:
        """What the query tells of itself: batches that it did since the last time, and how far it is behind; nothing before Kafka has answered it."""
        told = [json.loads(progress.json) for progress in query.recentProgress]
        done = [each for each in told if "addBatch" in each["durationMs"] and each["batchId"] > self.windows.looked_through]
        if told or query.status["isDataAvailable"]:
            behind = self.backlog.count()
            self.beat = replace(self.beat, state="running", why="", behind=self.beat.behind if behind is None else behind)
        if done:
            self.beat = _after(self.beat, done)
            is_gap = done[0]["batchId"] > self.windows.looked_through + 1
            if is_gap or any(map(_dropped, done)):
                self._look_through(done[-1]["batchId"])
            self.windows.looked_through = done[-1]["batchId"]

    def _look_through(self, last: int) -> None:
        """Record what the batches up to this one did not count."""
        found = untimely.look_through(self.lake, self.windows, self.windows.looked_through + 1, last)
        if found:
            self.tell(f"{counted(found, 'message')} came too late or too early to be counted")
        self.windows.looked_through = max(self.windows.looked_through, last)

    def _learn(self, number: int) -> None:
        """A message has a schema that was registered since the query began, or none that can be read."""
        found = registry.Registry(self.windows.environment).schema(number)
        self.windows.schemas[number] = found if found and failures.is_readable(found) else None

    def _tidy(self) -> None:
        if time.monotonic() - self.tidied_at > TIDY_SECONDS:
            batches.tidy(self.lake)
            self.tidied_at = time.monotonic()

    def _say(self, **changed: Any) -> None:  # noqa: ANN401 - fields of the heartbeat
        self.beat = replace(self.beat, **changed)
        self.beat.write(self.windows.environment)


def _after(beat: Heartbeat, done: list[dict[str, Any]]) -> Heartbeat:
    """The heartbeat after these batches."""
    told = [each.get("observedMetrics", {}).get(COUNTED, {}) for each in done]
    sums = {name: getattr(beat, name) + sum(each.get(name) or 0 for each in told) for name in ("poison", "early")}
    messages = beat.messages + sum(each.get("read") or 0 for each in told)
    late = beat.late + sum(_late(each) for each in done)
    return replace(
        beat, batch=done[-1]["batchId"], watermark=done[-1].get("eventTime", {}).get("watermark", ""), messages=messages, late=late, **sums
    )


def _late(done: dict[str, Any]) -> int:
    return sum(int(operator.get("numRowsDroppedByWatermark", 0)) for operator in done["stateOperators"])


def _dropped(done: dict[str, Any]) -> bool:
    return _late(done) > 0 or bool(done.get("observedMetrics", {}).get(COUNTED, {}).get("early"))
