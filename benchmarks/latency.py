"""How long it is from a POST until SQL shows it: `python -m benchmarks.latency --help`.

Embedded: the collector writes files, `watch` brings them into the tables; from the POST of an event until `trusted` has it. Through Kafka: the
collector writes to the topic, the stream counts; from the end of a window until the live table has its last count. The reader does what
`event-platform sql` does, again and again, in this process. `--way kafka` needs what docs/streaming.md says.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

from benchmarks.collector import collecting
from event_platform import environment, sources
from event_platform.aggregate.clickstream_live import WINDOWS
from event_platform.aggregate.clickstream_windows import WINDOW_SECONDS
from event_platform.errors import PlatformError
from event_platform.serving.sql import session

if TYPE_CHECKING:
    from collections.abc import Iterator

LOOK_EVERY_SECONDS = 0.05
A_SECOND = 20
"""Events that come as they happen, into the windows."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latency", formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--way", choices=("embedded", "kafka"), default="embedded")
    parser.add_argument("--times", type=int, default=20, help="events, one after the other, or windows")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="latency-") as folder:
        os.environ["EVENT_PLATFORM_HOME"] = folder
        if chosen.way == "kafka":
            register()
        with collecting(Path(folder), 1, chosen.way) as (port, _):
            measured = _embedded(port, chosen.times) if chosen.way == "embedded" else _through_kafka(port, chosen.times)
    _print(chosen.way, sorted(measured))


def _print(way: str, seconds: list[float]) -> None:
    what = {"embedded": "POST to trusted", "kafka": "end of window to its last count"}[way]
    p50, p95 = (seconds[min(len(seconds) - 1, int(share * len(seconds)))] for share in (0.5, 0.95))
    print("| way | what | times | least s | p50 s | p95 s | most s | load |\n|---|---|---|---|---|---|---|---|")
    figures = " | ".join(f"{each:.2f}" for each in (seconds[0], p50, p95, seconds[-1]))
    print(f"| {way} | {what} | {len(seconds)} | {figures} | {os.getloadavg()[0]:.1f} |")


@contextmanager
def working(*words: str) -> Iterator[subprocess.Popen[bytes]]:
    """`event-platform …` beside this process; what it says of an end of its own is left on the terminal."""
    process = subprocess.Popen([sys.executable, "-m", "event_platform.cli", *words])
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def go_on(process: subprocess.Popen[bytes]) -> None:
    """SystemExit when the process that is measured has ended, for then nothing would ever come."""
    if process.poll() is not None:
        sys.exit(f"It ended with exit code {process.returncode}, so there is nothing to measure.")


def _embedded(port: int, times: int) -> list[float]:
    """Each event is posted when the one before is there; the first, which waits for `watch` to start, does not count."""
    with working("watch", "clickstream") as watch:
        return [_until_trusted(port, number, watch) for number in range(times + 1)][1:]


def _until_trusted(port: int, number: int, watch: subprocess.Popen[bytes]) -> float:
    event_id, begun = f"latency-{number}", time.perf_counter()
    _post(port, [_click(event_id, int(time.time()))])
    while not _rows(f"SELECT 1 FROM trusted.clickstream WHERE event_id = '{event_id}'"):
        go_on(watch)
        time.sleep(LOOK_EVERY_SECONDS)
    return time.perf_counter() - begun


def _through_kafka(port: int, windows: int) -> list[float]:
    """Events come each second; a window is seen when all that was sent into it is counted. The windows before the first one seen do not count."""
    sent: dict[int, int] = {}
    seen: dict[int, float] = {}
    with working("stream", "clickstream") as stream:
        while len(seen) <= windows:
            go_on(stream)
            second = int(time.time())
            if second not in sent:
                sent[second] = A_SECOND
                _post(port, [_click(f"{second}-{number}", second) for number in range(A_SECOND)])
            _look(sent, seen)
    first = min(seen, key=seen.__getitem__)
    return [seen[start] - start - WINDOW_SECONDS for start in seen if start + WINDOW_SECONDS > seen[first]]


def _look(sent: dict[int, int], seen: dict[int, float]) -> None:
    for start, events in _rows(f"SELECT epoch(start_time)::BIGINT, sum(events) FROM {WINDOWS.name} GROUP BY 1"):
        whole = sum(sent.get(second, 0) for second in range(start, start + WINDOW_SECONDS))
        if start not in seen and events >= whole > 0 and time.time() > start + WINDOW_SECONDS:
            seen[start] = time.time()


def _rows(statement: str) -> list[tuple[int, ...]]:
    """The answer; none before the table is there."""
    try:
        with session(environment.read()) as opened:
            return opened.query(statement)[1]
    except PlatformError:
        return []


def _post(port: int, events: list[dict[str, object]]) -> None:
    with urlopen(f"http://127.0.0.1:{port}/event/clickstream", data=json.dumps(events).encode()) as answer:
        answer.read()


def _click(event_id: str, second: int) -> dict[str, object]:
    return {"event_id": event_id, "username": f"user-{hash(event_id) % 50}", "page": "/", "event_name": "click", "event_time": second}


def register() -> None:
    """The schema, which the collector asks for."""
    from event_platform.realtime.kafka.registry import Registry

    Registry(environment.read()).register(sources.get("clickstream"))


if __name__ == "__main__":
    main()
