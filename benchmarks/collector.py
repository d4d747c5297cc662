"""Measure the collector over loopback: `python -m benchmarks.collector --help`.

A load generator in a process of its own keeps connections open and sends either as fast as answers come (closed loop: capacity) or at a fixed rate
whatever comes back (open loop: latency, counted from the moment a request was due). Machines are shared, so processor time per event is told too.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS_WARM = 1.0


@dataclass
class Tally:
    """What the load generator saw: latencies of answers (s), statuses, and how many requests were due."""

    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0

    def quantile(self, share: float) -> float:
        """In milliseconds."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000 if ordered else float("nan")


def _request(events: int, number: int) -> bytes:
    now = int(time.time())
    records = [
        {"event_id": f"{number}-{place}", "username": f"user-{place % 50}", "page": "/pricing", "event_name": "click", "event_time": now}
        for place in range(events)
    ]
    body = json.dumps(records if events > 1 else records[0]).encode()
    return b"POST /event/clickstream HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


async def _connection(port: int, prepared: list[bytes], due: Iterator[float | None], until: float, tally: Tally) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for number, moment in enumerate(due):
        if moment is not None:
            await asyncio.sleep(max(0.0, moment - time.perf_counter()))
        begun = moment if moment is not None else time.perf_counter()
        if begun >= until:
            break
        writer.write(prepared[number % len(prepared)])
        head = await reader.readuntil(b"\r\n\r\n")
        lower = head.lower()
        length = int(lower.partition(b"content-length:")[2].partition(b"\r")[0])
        await reader.readexactly(length)
        tally.statuses[int(head[9:12])] += 1
        tally.latencies.append(time.perf_counter() - begun)
    writer.close()


def load(port: int, events: int, connections: int, seconds: float, per_second: float | None) -> Tally:
    """Send requests of so many events for so long; `per_second` requests, or as many as are answered."""
    import uvloop

    tally = Tally()
    prepared = [_request(events, number) for number in range(50)]

    async def run() -> None:
        begin = time.perf_counter()
        tally.seconds = seconds

        def due(place: int) -> Iterator[float | None]:
            number = 0
            while True:
                yield None if per_second is None else begin + (number * connections + place) / per_second
                number += 1

        each = (_connection(port, prepared, due(place), begin + seconds, tally) for place in range(connections))
        await asyncio.gather(*each)

    uvloop.run(run())
    return tally


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@contextmanager
def collecting(home: Path, workers: int, sink: str) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """A collector in a process of its own; its port."""
    port = _free_port()
    (home / "collector.toml").write_text(f'sink = "{sink}"\n')
    command = [sys.executable, "-m", "event_platform.cli", "collect", "--port", str(port), "--workers", str(workers)]
    server = subprocess.Popen(command, env=os.environ | {"EVENT_PLATFORM_HOME": str(home)}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while server.poll() is None:
            with suppress(OSError), urlopen(f"http://127.0.0.1:{port}/health", timeout=1):
                break
            time.sleep(0.1)
        if server.returncode is not None:
            sys.exit("the collector did not start")
        yield port, server
    finally:
        server.terminate()
        server.wait()


def _processor_seconds(pid: int) -> float:
    import psutil

    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    return sum(sum(each.cpu_times()[:2]) for each in family)


def measure(name: str, port: int, pid: int, events: int, connections: int, seconds: float, per_second: float | None = None) -> float:
    """Print one row; requests answered with 200 a second."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        pool.submit(load, port, events, connections, SECONDS_WARM, per_second).result()
        before = _processor_seconds(pid)
        tally = pool.submit(load, port, events, connections, seconds, per_second).result()
        used = _processor_seconds(pid) - before
    good = tally.statuses[200]
    rate = good / tally.seconds
    cells = [
        f"{name:38}",
        f"{rate:9,.0f} requests/s {rate * events:10,.0f} events/s",
        f"p50 {tally.quantile(0.5):7.1f} ms  p99 {tally.quantile(0.99):7.1f} ms",
        f"cpu {used / tally.seconds * 100:.0f} %, {used / max(1, good) * 1e6:.0f} us/request, {used / max(1, good * events) * 1e6:.1f} us/event",
        f"statuses {dict(tally.statuses)}",
    ]
    print("  ".join(cells), flush=True)
    return good / used if used else float("inf")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.collector", formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0, help="how long each load lasts")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--sink", choices=("embedded", "kafka"), default="embedded", help="kafka: the one that the environment names")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="collector-") as folder, collecting(Path(folder), chosen.workers, chosen.sink) as (port, server):
        measure("batches of 100, as fast as answered", port, server.pid, 100, 16, chosen.seconds)
        measure("single events, as fast as answered", port, server.pid, 1, 32, chosen.seconds)
        measure("batches of 100, half the aim", port, server.pid, 100, 16, chosen.seconds, 100)
        measure("single events, half the aim", port, server.pid, 1, 32, chosen.seconds, 1500)
        measure("batches of 100, 1,000 connections", port, server.pid, 100, 1000, chosen.seconds)


if __name__ == "__main__":
    main()
