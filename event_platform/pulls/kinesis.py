"""Answers put into a stream of Amazon Kinesis: one record each, byte for byte, its key saying what was asked about."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from event_platform.errors import PermanentError
from event_platform.lake import aws

if TYPE_CHECKING:
    from pathlib import Path

MOST_BYTES = 1 << 20
"""A record with its key; where an account allows more, weather still needs no more."""


class Stream:
    """A stream of that name in the account and region that AWS's own variables and files lead to."""

    def __init__(self, name: str) -> None:
        """Ask nothing of it yet."""
        self.name = name

    @cached_property
    def _client(self) -> Any:  # noqa: ANN401 - boto3's clients have no types
        return aws.client("kinesis")

    def put(self, key: str, body: Path) -> str:
        """Put a body into the stream, where it is durable when this returns; where it is, in words.

        An answer that is lost on the way is asked for again, and then the record is in the stream twice. Raises PermanentError for a body
        that is too large, ConfigurationError and TransientError as AWS refuses.
        """
        content = body.read_bytes()
        if len(content) + len(key.encode()) > MOST_BYTES:
            raise PermanentError(f"The answer about {key} has {len(content):,} bytes, more than a record of Kinesis may have. Nothing was put.")
        with aws.explained(f"the stream {self.name}"):
            put = self._client.put_record(StreamName=self.name, PartitionKey=key, Data=content)
        return f"put into the stream {self.name} as {put['ShardId']}/{put['SequenceNumber']}"
