"""How long it is from the end of a stream that nobody wanted until Dagster's UI shows it: `python -m benchmarks.killed_stream --help`.

It needs what `event-platform stream clickstream` does, see docs/streaming.md. UI, daemon and stream are processes beside this one, which asks the UI
what its page of the table asks. A stream that is killed is found by its process, one that stands still (`--signal STOP`) by its old heartbeat.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import tempfile
import time
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import psutil
from ephemeral_port_reserve import reserve

from benchmarks.latency import go_on, register, working
from event_platform.orchestration.checks import ALIVE
from event_platform.realtime.windows.report import KEY

if TYPE_CHECKING:
    import subprocess

LOOK_EVERY_SECONDS = 0.5
QUERY = """query($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode { assetChecksOrError { ... on AssetChecks { checks {
    name executionForLatestMaterialization { status timestamp evaluation { description } } } } } } } }"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.killed_stream", formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--signal", choices=("KILL", "STOP"), default="KILL")
    chosen = parser.parse_args()
    port = reserve("127.0.0.1")
    with tempfile.TemporaryDirectory(prefix="killed-stream-", ignore_cleanup_errors=True) as folder:
        os.environ["EVENT_PLATFORM_HOME"] = folder
        register()
        with working("ui", "--port", str(port)) as ui:
            print(f"| {chosen.signal} | seconds until the UI shows it | what it shows | load |\n|---|---|---|---|")
            for number in range(1, chosen.times + 1):
                seconds, shown = _until_shown(port, ui, signal.Signals[f"SIG{chosen.signal}"])
                print(f"| {number} | {seconds:.1f} | {shown} | {os.getloadavg()[0]:.1f} |", flush=True)


def _until_shown(port: int, ui: subprocess.Popen[bytes], how: signal.Signals) -> tuple[float, str]:
    """Of a stream that the UI has shown as alive."""
    with working("stream", "clickstream") as stream:
        _await(port, "SUCCEEDED", ui, stream)
        java = psutil.Process(stream.pid).children(recursive=True)
        stream.send_signal(how)
        sent = time.time()
        shown = _await(port, "FAILED", ui)
        seconds = time.time() - sent
        stream.kill()
        psutil.wait_procs(java)  # it ends by itself when the stream does
        return seconds, shown


def _await(port: int, status: str, *needed: subprocess.Popen[bytes]) -> str:
    """What the UI says of the stream once the check has this status."""
    while not ((shown := _shown(port)) and shown["status"] == status):
        for process in needed:
            go_on(process)
        time.sleep(LOOK_EVERY_SECONDS)
    return str(shown["evaluation"]["description"])


def _shown(port: int) -> dict[str, Any] | None:
    """The check as the UI has it for the table as it is; None before it was made, and before the UI answers."""
    asked = json.dumps({"query": QUERY, "variables": {"key": {"path": KEY}}}).encode()
    try:
        with urlopen(Request(f"http://127.0.0.1:{port}/graphql", asked, {"Content-Type": "application/json"}), timeout=60) as answer:
            node = json.load(answer)["data"]["assetNodeOrError"]
    except (URLError, TimeoutError):
        return None
    checks = node.get("assetChecksOrError", {}).get("checks", [])
    return next((each["executionForLatestMaterialization"] for each in checks if each["name"] == ALIVE), None)


if __name__ == "__main__":
    main()
