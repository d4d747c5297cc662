"""A stream of moto's, which is told what AWS documents of Kinesis and moto leaves out.

moto moves the records of a shard that is split into its children and goes on writing to it, never ends a shard, numbers records from 1 in each
shard, and knows neither iterators that expire nor throttling.
"""

import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from moto.core.exceptions import JsonRESTError
from moto.kinesis.models import KinesisBackend, Shard
from moto.kinesis.models import Stream as MotoStream

from event_platform import environment, sources
from event_platform.engines.duckdb import connect
from event_platform.landing.claiming import claim_pending
from event_platform.realtime.kinesis import consumer
from event_platform.stage.staging import stage_pending
from event_platform.trusted.merge import merge_pending
from event_platform_tests.pipeline import Pipeline

NAME = "weather"


@dataclass
class Kinesis:
    """The stream `weather`; `faults` are codes of errors that the next reads get, `busy` shards that never answer."""

    faults: deque[str] = field(default_factory=deque)
    busy: set[str] = field(default_factory=set)
    told: list[str] = field(default_factory=list)

    @property
    def client(self) -> Any:
        import boto3

        return boto3.client("kinesis")

    def create(self, shards: int = 1) -> None:
        self.client.create_stream(StreamName=NAME, ShardCount=shards)

    def put(self, key: str, body: bytes | dict[str, Any], hash_key: int | None = None) -> str:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        explicit = {} if hash_key is None else {"ExplicitHashKey": str(hash_key)}
        put = self.client.put_record(StreamName=NAME, PartitionKey=key, Data=content, **explicit)
        return f"{put['ShardId']}@{put['SequenceNumber']}"

    def split(self, shard: str) -> None:
        self.client.split_shard(StreamName=NAME, ShardToSplit=shard, NewStartingHashKey=str(2**127))

    def merge(self, shard: str, adjacent: str) -> None:
        self.client.merge_shards(StreamName=NAME, ShardToMerge=shard, AdjacentShardToMerge=adjacent)

    def consume(self) -> None:
        consumer.consume(environment.read(), NAME, lambda message: self.told.append(str(message)), until_caught_up=True)

    def opened(self) -> consumer.Consumer:
        """For passes one by one."""
        return consumer.Consumer(environment.read(), NAME, lambda message: self.told.append(str(message)))


def answer(minute: int = 0, **values: float) -> dict[str, Any]:
    """An answer of the API about so many minutes before this one."""
    at = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=60 - minute)
    return {"data": {"time": f"{at:%Y-%m-%dT%H:%M:%SZ}", "values": {"temperature": 4.5, **values}}, "location": {"lat": 60.17, "lon": 24.94}}


def pending() -> list[Path]:
    folder = Pipeline(sources.get("weather")).pending_folder()
    return sorted(folder.iterdir())


def process(weather: Pipeline) -> None:
    """Take what is pending as far as trusted, without a run of Dagster, which takes long."""
    with connect(weather.lake.environment) as duck:
        claim_pending(weather.lake, weather.source, duck, "test")
        stage_pending(weather.lake, weather.source, duck, "test")
        merge_pending(weather.lake, weather.source, duck, "test")


@pytest.fixture
def weather() -> Pipeline:
    return Pipeline(sources.get("weather"))


@pytest.fixture
def kinesis(home: Path, aws: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kinesis]:  # noqa: ARG001 - the process is told of both
    stream = Kinesis()
    _number_as_documented(monkeypatch)
    _reshard_as_documented(monkeypatch)
    _read_as_documented(monkeypatch, stream)
    yield stream


def _number_as_documented(monkeypatch: pytest.MonkeyPatch) -> None:
    """https://docs.aws.amazon.com/streams/latest/dev/key-concepts.html: numbers are unique within a shard and grow with time."""
    numbers = count(49590338271490256608559692538361571095921575989136588898)

    def put_record(shard: Any, partition_key: str, data: str, explicit_hash_key: str) -> str:
        from moto.kinesis.models import Record

        number = next(numbers)
        shard.records[number] = Record(partition_key, data, number, explicit_hash_key)
        return str(number)

    monkeypatch.setattr(Shard, "put_record", put_record)


def _reshard_as_documented(monkeypatch: pytest.MonkeyPatch) -> None:
    """https://docs.aws.amazon.com/streams/latest/dev/kinesis-using-sdk-java-after-resharding.html: parents keep records and get none."""
    originals = {name: getattr(MotoStream, name) for name in ("split_shard", "merge_shards", "get_shard_for_key")}

    def keeping_records(name: str) -> Any:
        def reshard(stream: Any, *shards: str) -> None:
            parents = [stream.shards[each] for each in shards if each in stream.shards]
            held = [parent.records for parent in parents]
            for parent in parents:
                parent.records = {}
            originals[name](stream, *shards)
            for parent, records in zip(parents, held, strict=True):
                parent.records = records

        return reshard

    def shard_for_key(stream: Any, partition_key: str, explicit_hash_key: str) -> Any:
        every, stream.shards = stream.shards, {name: shard for name, shard in stream.shards.items() if shard.is_open}
        try:
            return originals["get_shard_for_key"](stream, partition_key, explicit_hash_key)
        finally:
            stream.shards = every

    for name in ("split_shard", "merge_shards"):
        monkeypatch.setattr(MotoStream, name, keeping_records(name))
    monkeypatch.setattr(MotoStream, "get_shard_for_key", shard_for_key)


def _read_as_documented(monkeypatch: pytest.MonkeyPatch, stream: Kinesis) -> None:
    """https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetRecords.html: errors, and no next iterator at the end of a closed shard."""
    original = KinesisBackend.get_records

    def get_records(backend: Any, arn: str | None, iterator: str, limit: int | None) -> tuple[str | None, list[Any], int]:
        from moto.kinesis.utils import decompose_shard_iterator

        name, shard_name, _ = decompose_shard_iterator(iterator)
        if shard_name in stream.busy:
            raise JsonRESTError("ProvisionedThroughputExceededException", f"Rate exceeded for shard {shard_name}")
        if stream.faults:
            raise JsonRESTError(stream.faults.popleft(), "as the test wants it")
        following, records, behind = original(backend, arn, iterator, limit)
        shard = backend.describe_stream(stream_arn=arn, stream_name=name).get_shard(shard_name)
        is_at_end = not shard.is_open and int(decompose_shard_iterator(following)[2]) >= shard.get_max_sequence_number()
        return None if is_at_end else following, records, behind

    monkeypatch.setattr(KinesisBackend, "get_records", get_records)
