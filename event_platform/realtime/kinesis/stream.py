"""Reading a stream: its shards, each from where it was left to its end.

A shard that was split or merged ends, and its children go on; a child is read once its parents have ended, so the records of a key keep their order.
Of each shard Kinesis allows five reads a second, to all who read it together.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from event_platform.lake import aws

RECORDS_AT_ONCE = 200
"""Of a shard in one read; each becomes a file."""

SHARDS_AT_ONCE = 8


@dataclass(frozen=True)
class Record:
    """One record. `sequence` is its number within the shard, a long decimal number that grows; `arrived_at` is UTC."""

    shard: str
    sequence: str
    key: str
    arrived_at: datetime
    body: bytes


@dataclass(frozen=True)
class Batch:
    """What one read of a shard gave; `ended`: nothing will ever follow; `behind_ms`: how old the oldest record is that is not read yet, about."""

    shard: str
    records: tuple[Record, ...] = ()
    ended: bool = False
    behind_ms: int = 0

    @property
    def is_last_for_now(self) -> bool:
        """Whether the shard holds nothing more at the moment, and did not end either, which may let its children be read."""
        return not self.records and not self.ended and self.behind_ms == 0


@dataclass(frozen=True)
class Shard:
    """A shard, and those it was made from by a split or a merge."""

    name: str
    parents: frozenset[str] = frozenset()


def readable(shards: Collection[Shard], ended: Collection[str]) -> list[str]:
    """The shards that have not ended and whose parents have, or are gone because all they held was too old to be kept."""
    there = {shard.name for shard in shards}
    return [shard.name for shard in shards if shard.name not in ended and not (shard.parents & there).difference(ended)]


class Stream:
    """A stream of that name, in the account and region that AWS's own variables and files lead to. Its methods raise PlatformError."""

    def __init__(self, name: str) -> None:
        """Ask nothing of it yet."""
        self.name = name

    @cached_property
    def client(self) -> Any:  # noqa: ANN401 - boto3's clients have no types
        """For as many requests at once as shards are read. It asks once: whoever reads comes again soon, and a busy shard keeps no other waiting."""
        return aws.client("kinesis", connections=SHARDS_AT_ONCE, attempts=1)

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Errors as the platform's."""
        with aws.explained(f"the stream {self.name}"):
            yield

    def created_at(self) -> str:
        """When it was made (ISO 8601, UTC), which tells it from an earlier one of the same name."""
        with self.explained():
            summary = self.client.describe_stream_summary(StreamName=self.name)["StreamDescriptionSummary"]
        return str(summary["StreamCreationTimestamp"].astimezone(UTC).isoformat())

    def shards(self) -> list[Shard]:
        """All that still hold records, or may come to."""
        with self.explained():
            pages = self.client.get_paginator("list_shards").paginate(StreamName=self.name)
            return [_shard(told) for page in pages for told in page["Shards"]]


def _shard(told: dict[str, Any]) -> Shard:
    return Shard(told["ShardId"], frozenset(told[kind] for kind in ("ParentShardId", "AdjacentParentShardId") if told.get(kind)))


class ShardReader:
    """Reads one shard, from its oldest record or `after` a sequence number."""

    def __init__(self, stream: Stream, shard: str, after: str | None) -> None:
        """Ask nothing yet."""
        self.stream, self.shard, self._after = stream, shard, after
        self._iterator: str | None = None

    def read(self) -> Batch:
        """The next records. An iterator that has expired, as they do after five minutes, is replaced by one at the same place."""
        with self.stream.explained():
            try:
                answer = self._records()
            except self.stream.client.exceptions.ExpiredIteratorException:
                self._iterator = None
                answer = self._records()
        records = tuple(self._record(told) for told in answer["Records"])
        self._after = records[-1].sequence if records else self._after
        self._iterator = answer.get("NextShardIterator")
        return Batch(self.shard, records, ended=self._iterator is None, behind_ms=answer.get("MillisBehindLatest", 0))

    def _records(self) -> dict[str, Any]:
        self._iterator = self._iterator or self._new_iterator()
        answer: dict[str, Any] = self.stream.client.get_records(ShardIterator=self._iterator, Limit=RECORDS_AT_ONCE)
        return answer

    def _new_iterator(self) -> str:
        begin = {"ShardIteratorType": "TRIM_HORIZON"}
        if self._after:
            begin = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": self._after}
        return str(self.stream.client.get_shard_iterator(StreamName=self.stream.name, ShardId=self.shard, **begin)["ShardIterator"])

    def _record(self, told: dict[str, Any]) -> Record:
        arrived_at = told["ApproximateArrivalTimestamp"].astimezone(UTC)
        return Record(self.shard, told["SequenceNumber"], told["PartitionKey"], arrived_at, told["Data"])
