"""How fast the stream is: `python -m benchmarks.stream`, with Kafka, the registry and Spark's jars set as for `event-platform stream clickstream`.

A backlog is counted; what happens as events come one by one, `benchmarks.latency` measures.
The topic must be one that may be written to: take the servers of `make kafka`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING

import psutil

from event_platform import environment, sources
from event_platform.realtime.kafka import client, registry
from event_platform.realtime.kafka.wire import Encoder
from event_platform.realtime.windows import heartbeat

if TYPE_CHECKING:
    from collections.abc import Iterable

CLICKSTREAM = sources.get("clickstream")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["EVENT_PLATFORM_HOME"] = home
        here = environment.read()
        client.ensure_topics(here, [CLICKSTREAM])
        registry.Registry(here).register(CLICKSTREAM)
        begin = int(time.time()) - 3600
        send(here, ((begin + number * 3000 // asked.events, number) for number in range(asked.events)))
        command = [sys.executable, "-m", "event_platform.cli", "stream", "clickstream"]
        with psutil.Popen(command, stderr=subprocess.DEVNULL) as process:
            try:
                _backlog(here, asked.events, process)
            finally:
                process.terminate()


def _backlog(here: environment.Environment, events: int, process: psutil.Popen) -> None:
    began, used = _await(here, process, lambda beat: beat.state == "running"), _processor_seconds(process)
    done = _await(here, process, lambda beat: beat.messages >= events)
    print(
        f"backlog of {events:,} events: in the lake {done - began:.1f} s after Spark had started, for "
        f"{_processor_seconds(process) - used:.0f} s of processor time; load {os.getloadavg()[0]:.0f}",
        flush=True,
    )


def _processor_seconds(process: psutil.Process) -> float:
    """Of the stream and of Java, since they began."""
    return float(sum(sum(each.cpu_times()[:2]) for each in (process, *process.children(recursive=True))))


def _await(here: environment.Environment, process: psutil.Popen, holds) -> float:  # noqa: ANN001 - of a heartbeat
    while not ((beat := heartbeat.read(here)) and holds(beat)):
        if process.poll() is not None:
            sys.exit("the stream has ended")
        time.sleep(0.1)
    return time.time()


def send(here: environment.Environment, events: Iterable[tuple[int, int]]) -> None:
    """Seconds and numbers as clicks with an id."""
    encoder = Encoder(CLICKSTREAM, registry.Registry(here).number_for_writing(CLICKSTREAM))
    producer = client.producer(here)
    for second, number in events:
        click = {"event_id": f"{number}", "username": f"user-{number % 500}", "page": "/", "event_name": "click", "event_time": second}
        key, message = encoder.encode(json.dumps(click).encode())
        producer.produce(CLICKSTREAM.name, message, key)
        producer.poll(0)
    producer.flush(60)


if __name__ == "__main__":
    main()
