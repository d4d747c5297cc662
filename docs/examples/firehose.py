"""Puts events, one JSON object a line of standard input, into a delivery stream. Run it so: python firehose.py STREAM < events.json."""

import sys
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

LINES_AT_ONCE = 500
"""What Firehose takes in one request, if all together are no more than 4 MiB."""


def put(client: Any, stream: str, lines: list[bytes]) -> None:  # noqa: ANN401 - boto3's clients have no types
    """Put lines into the stream; those that it refuses, as it does when more comes than it takes, again and ever later."""
    pause_seconds = 0.1
    while lines:
        answer = client.put_record_batch(DeliveryStreamName=stream, Records=[{"Data": line} for line in lines])
        lines = [line for line, told in zip(lines, answer["RequestResponses"], strict=True) if "ErrorCode" in told]
        if lines:
            time.sleep(pause_seconds)
            pause_seconds = min(2 * pause_seconds, 30)


def batches(lines: Iterator[bytes]) -> Iterator[list[bytes]]:
    """Lines with their ends, as many as one request takes."""
    while batch := list(islice(lines, LINES_AT_ONCE)):
        yield [line.rstrip(b"\r\n") + b"\n" for line in batch]


if __name__ == "__main__":
    import boto3

    firehose = boto3.client("firehose")
    for batch in batches(iter(sys.stdin.buffer)):
        put(firehose, sys.argv[1], batch)
