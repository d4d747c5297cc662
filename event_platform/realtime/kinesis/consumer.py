"""From a stream to landed files and alerts, in passes: read all shards, land what they gave, tell what it says, then remember how far it went.

A process that dies in between reads and lands again what it had not remembered. That changes nothing: the files have the same names, and the alerts
know how far they looked.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from event_platform.alerts import channels, configuration
from event_platform.alerts.rounds import run_round
from event_platform.engines.duckdb import connect
from event_platform.errors import PlatformError, TransientError
from event_platform.lake import aws
from event_platform.lake.catalog import Lake
from event_platform.landing.once import land_once
from event_platform.realtime.kinesis import answers
from event_platform.realtime.kinesis.checkpoint import CheckpointFile
from event_platform.realtime.kinesis.stream import SHARDS_AT_ONCE, Batch, ShardReader, Stream, readable
from event_platform.scratch import passing_folder
from event_platform.sources.weather import SOURCE
from event_platform.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    import tenacity

    from event_platform.environment import Environment
    from event_platform.realtime.kinesis.stream import Record

READ_EVERY_SECONDS = 0.5
"""Twice a second leaves Kinesis' five reads a second and shard to others too."""

CATCH_UP_EVERY_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 60


def consume(environment: Environment, stream: str, tell: Callable[[object], None], *, until_caught_up: bool = False) -> None:
    """Consume weather until the process is told to end, or until nothing is left for now.

    What is busy or away is asked again, ever less often, for as long as it takes; `until_caught_up` only a few times, then TransientError.
    Raises ConfigurationError for a stream, credentials or alerts that cannot be used.
    """
    if configuration.is_configured(environment):
        configuration.read(environment.alerts)
    with Consumer(environment, stream, tell) as consumer:
        while True:
            begun = time.monotonic()
            caught_up = _patiently(consumer.work, tell, until_caught_up)
            if caught_up and until_caught_up:
                return
            pause = READ_EVERY_SECONDS if caught_up else CATCH_UP_EVERY_SECONDS
            time.sleep(max(0.0, begun + pause - time.monotonic()))


def _patiently(work: Callable[[], bool], tell: Callable[[object], None], is_bounded: bool) -> bool:
    from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, stop_never, wait_random_exponential

    def tell_of_pause(state: tenacity.RetryCallState) -> None:
        tell(f"{state.outcome.exception() if state.outcome else ''} (the next try is in {state.upcoming_sleep:.0f} s)")

    retrying = Retrying(
        retry=retry_if_exception_type(TransientError),
        wait=wait_random_exponential(READ_EVERY_SECONDS, LONGEST_PAUSE_SECONDS),
        stop=stop_after_attempt(aws.ATTEMPTS) if is_bounded else stop_never,
        before_sleep=tell_of_pause,
        reraise=True,
    )
    return retrying(work)


class Consumer:
    """The consumer of one stream; a context that holds a connection of DuckDB and threads. Two of one stream do no harm, and no good."""

    def __init__(self, environment: Environment, stream: str, tell: Callable[[object], None]) -> None:
        """Ask nothing yet."""
        self._environment, self._tell, self._stream = environment, tell, Stream(stream)
        self._file = CheckpointFile(environment, SOURCE, stream)
        self._readers: dict[str, ShardReader] = {}

    def __enter__(self) -> Consumer:
        """Open what it holds."""
        with ExitStack() as opened:
            self._duck = opened.enter_context(connect(self._environment))
            self._threads = opened.enter_context(ThreadPoolExecutor(SHARDS_AT_ONCE))
            self._closing = opened.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close it."""
        self._closing.__exit__(kind, error, trace)

    def work(self) -> bool:
        """One pass; whether nothing is left for now. After an error the next pass begins where the last good one ended. Raises PlatformError."""
        try:
            if not self._readers:
                self._begin()
            return self._pass()
        except BaseException:
            self._readers = {}
            raise

    def _begin(self) -> None:
        self._checkpoint = self._file.read(self._stream.created_at())
        self._open_shards()
        self._prepare_alerts()
        self._tell(f"reading {counted(len(self._readers), 'shard')} of the stream {self._stream.name}")

    def _open_shards(self) -> None:
        """Read the shards that may be read now: those that are new, and children of those that have ended."""
        shards = self._stream.shards()
        self._checkpoint.forget_other_than(shard.name for shard in shards)
        kept, after = self._readers, self._checkpoint.after
        names = readable(shards, self._checkpoint.ended)
        self._readers = {name: kept.get(name) or ShardReader(self._stream, name, after.get(name)) for name in names}

    def _pass(self) -> bool:
        batches, are_all = self._read()
        records = [record for batch in batches for record in batch.records]
        if records:
            self._take(records)
        ended = any(batch.ended for batch in batches)
        if records or ended:
            self._checkpoint.note(batches)
            self._file.write(self._checkpoint)
        if ended:
            self._open_shards()
        return are_all and all(batch.is_last_for_now for batch in batches)

    def _read(self) -> tuple[list[Batch], bool]:
        """What the shards gave, and whether all could be read; one that is busy is left to the next pass. Raises TransientError when none could."""
        outcomes = list(self._threads.map(_outcome, self._readers.values()))
        batches = [outcome for outcome in outcomes if isinstance(outcome, Batch)]
        errors = [outcome for outcome in outcomes if isinstance(outcome, TransientError)]
        if errors and not batches:
            raise errors[0]
        if errors:
            self._tell(f"{counted(len(errors), 'shard')} could not be read this time. {errors[0]}")
        return batches, not errors

    def _take(self, records: list[Record]) -> None:
        """Land the records, then tell what they say."""
        with passing_folder(self._environment.scratch, "stream-") as folder:
            named = answers.save(records, self._stream.name, self._checkpoint, folder)
            land_once(self._environment, SOURCE, named)
            arrived = answers.judge(named, folder, self._duck)
        self._tell(f"{counted(len(records), 'record')} landed as {counted(len(named), 'file')}{self._round(arrived.rows_sql)}")
        if arrived.poison:
            self._tell(f"{counted(len(arrived.poison), 'file')} will be in quarantine, such as {arrived.poison[0]}")

    def _prepare_alerts(self) -> None:
        """Send what is due from before; then the first record finds what takes long to open or to import."""
        self._round()
        if configuration.is_configured(self._environment):
            channels.prepare()

    def _round(self, arrived: str | None = None) -> str:
        """Send the alerts; in words what was sent. What fails here is made good by the round that follows once the files are in trusted."""
        try:
            done = run_round(Lake(self._environment), self._duck, f"stream-{self._stream.name}", datetime.now(UTC), arrived)
        except PlatformError as error:
            self._tell(f"The alerts are left to the next round. {error}")
            return ""
        return f"; {done.sentence}" if done.found or done.tried else ""


def _outcome(reader: ShardReader) -> Batch | TransientError:
    try:
        return reader.read()
    except TransientError as error:
        return error
