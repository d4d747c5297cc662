"""How fast the stream is: `python -m benchmarks.stream`, with Kafka, the registry and Spark's jars set as for `event-platform stream clickstream`.

A backlog is counted, then events come as they happen; how long it is from the end of a window until the lake shows its last count.
The topic must be one that may be written to: take the servers of `make kafka`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import psutil

from event_platform import environment, sources
from event_platform.aggregate.clickstream_live import WINDOWS
from event_platform.aggregate.clickstream_windows import WINDOW_SECONDS
from event_platform.realtime.kafka import client, registry
from event_platform.realtime.kafka.wire import Encoder
from event_platform.realtime.windows import heartbeat
from event_platform.serving.sql import session

if TYPE_CHECKING:
    from collections.abc import Iterable

CLICKSTREAM = sources.get("clickstream")
A_SECOND = 50
"""Events that come as they happen."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--seconds", type=int, default=60)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["EVENT_PLATFORM_HOME"] = home
        here = environment.read()
        client.ensure_topics(here, [CLICKSTREAM])
        registry.Registry(here).register(CLICKSTREAM)
        begin = int(time.time()) - 3600
        _send(here, ((begin + number * 3000 // asked.events, number) for number in range(asked.events)))
        command = [sys.executable, "-m", "event_platform.cli", "stream", "clickstream"]
        with psutil.Popen(command, stderr=subprocess.DEVNULL) as process:
            try:
                _backlog(here, asked.events, process)
                _delays(here, asked.seconds, process)
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


def _delays(here: environment.Environment, seconds: int, process: psutil.Process) -> None:
    """Send events second by second, and look all the time for windows that hold all that was sent into them."""
    sent: dict[int, int] = {}
    seen: dict[int, float] = {}
    began, used, before = time.time(), _processor_seconds(process), _batch(here)
    with session(here) as opened:
        while time.time() < began + seconds + 30:
            now = int(time.time())
            if now < began + seconds and now not in sent:
                _send(here, ((now, random.randrange(10**12)) for _ in range(A_SECOND)))
                sent[now] = A_SECOND
            _look(opened, sent, seen)
    delays = [seen[start] - start - WINDOW_SECONDS for start in seen]
    told = f"median {statistics.median(delays):.1f} s, longest {max(delays):.1f} s" if delays else "none was whole in time"
    batches = max(1, _batch(here) - before)
    print(f"{batches} batches, {(_processor_seconds(process) - used) / batches:.2f} s of processor time each")
    print(f"{len(delays)} windows, from their end to the lake: {told}; load {os.getloadavg()[0]:.0f}")


def _batch(here: environment.Environment) -> int:
    beat = heartbeat.read(here)
    return beat.batch if beat else -1


def _look(opened, sent: dict[int, int], seen: dict[int, float]) -> None:  # noqa: ANN001 - a session
    since = datetime.fromtimestamp(min(sent, default=0), UTC).isoformat()
    counts = opened.query(f"SELECT epoch(start_time)::BIGINT, sum(events) FROM {WINDOWS.name} WHERE start_time >= '{since}' GROUP BY 1")[1]
    for start, events in counts:
        whole = sum(sent.get(second, 0) for second in range(start, start + WINDOW_SECONDS))
        if start not in seen and time.time() > start + WINDOW_SECONDS + 1 and 0 < whole <= events:
            seen[start] = time.time()


def _send(here: environment.Environment, events: Iterable[tuple[int, int]]) -> None:
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
