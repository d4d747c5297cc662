"""Puts events, one JSON object a line of standard input, into a delivery stream: python firehose.py STREAM < events.json"""

import sys
from collections.abc import Iterator
from itertools import islice

import boto3
from tenacity import Retrying, retry_if_result, stop_after_attempt, wait_random_exponential

RECORDS_AT_ONCE = 500
"""What Firehose takes in one request, if all together are no more than 4 MiB."""


def put(stream: str, lines: list[bytes]) -> list[bytes]:
    """Put lines into the stream, each with its end; those that it refused."""
    answer = boto3.client("firehose").put_record_batch(DeliveryStreamName=stream, Records=[{"Data": line} for line in lines])
    return [line for line, told in zip(lines, answer["RequestResponses"], strict=True) if "ErrorCode" in told]


def put_all(stream: str, lines: list[bytes]) -> None:
    """Put lines, those that were refused again and again, ever later."""
    left = lines
    for attempt in Retrying(retry=retry_if_result(bool), stop=stop_after_attempt(8), wait=wait_random_exponential(max=30)):
        with attempt:
            left = put(stream, left)
        attempt.retry_state.set_result(left)


def batches(lines: Iterator[bytes]) -> Iterator[list[bytes]]:
    """Lines, as many as one request takes."""
    while batch := list(islice(lines, RECORDS_AT_ONCE)):
        yield batch


if __name__ == "__main__":
    for batch in batches(line.rstrip(b"\r\n") + b"\n" for line in sys.stdin.buffer):
        put_all(sys.argv[1], batch)
