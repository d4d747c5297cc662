"""The example page in a real browser: its clicks are in the lake."""

import json
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from tenacity import retry, stop_after_delay, wait_fixed
from websockets.sync.client import ClientConnection, connect

from event_platform import environment
from event_platform_tests.pipeline import Pipeline
from event_platform_tests.realtime.conftest import Running

EXAMPLES = environment.CHECKOUT / "docs" / "examples"
CHROMIUM = shutil.which("chromium")
NUMBERS = count(1)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def browser(profile: Path, address: str) -> Iterator[ClientConnection]:
    """A page in headless Chromium, spoken to by its DevTools protocol."""
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", f"--user-data-dir={profile}", "about:blank"]
    process = subprocess.Popen([str(CHROMIUM), *options], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        with connect(_page_socket(profile)) as page:
            ask(page, "Page.navigate", url=address)
            yield page
    finally:
        process.terminate()
        process.wait()


@retry(wait=wait_fixed(0.2), stop=stop_after_delay(60), reraise=True)
def _page_socket(profile: Path) -> str:
    import requests

    port = (profile / "DevToolsActivePort").read_text(encoding="utf-8").splitlines()[0]
    pages = [each for each in requests.get(f"http://127.0.0.1:{port}/json/list", timeout=5).json() if each["type"] == "page"]
    return str(pages[0]["webSocketDebuggerUrl"])


def ask(page: ClientConnection, method: str, **parameters: Any) -> Any:
    number = next(NUMBERS)
    page.send(json.dumps({"id": number, "method": method, "params": parameters}))
    while (answer := json.loads(page.recv(timeout=60))).get("id") != number:
        pass
    return answer["result"]


def value(page: ClientConnection, script: str) -> Any:
    return ask(page, "Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")


@retry(wait=wait_fixed(0.1), stop=stop_after_delay(60), reraise=True)
def until(page: ClientConnection, script: str) -> None:
    assert value(page, script)


def click(page: ClientConnection, element: str) -> None:
    """Press the mouse over an element, as a person would."""
    middle = f"(box => [box.x + box.width / 2, box.y + box.height / 2])(document.getElementById('{element}').getBoundingClientRect())"
    x, y = value(page, middle)
    for kind in ("mousePressed", "mouseReleased"):
        ask(page, "Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)


@pytest.mark.server
@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine")
def test_clicks_on_the_example_page_are_in_the_lake(collect: Callable[..., Running], clickstream: Pipeline, tmp_path: Path) -> None:
    site = tmp_path / "site"
    shutil.copytree(EXAMPLES, site)
    with served(site) as origin:
        collector = collect(configuration=f'origins = ["{origin}"]\n')
        page_file = site / "clicks.html"
        page_file.write_text(page_file.read_text(encoding="utf-8").replace("http://127.0.0.1:8080", collector.url), encoding="utf-8")
        with browser(tmp_path / "profile", f"{origin}/clicks.html") as page:
            until(page, "document.readyState === 'complete' && localStorage.clicksWaiting === '[]'")
            for element in ("buy", "buy", "say", "send"):
                click(page, element)
            until(page, "document.body.innerText.includes('Thank you') && localStorage.clicksWaiting === '[]'")
    collector.stop()
    clickstream.run_well()
    found = clickstream.sql("SELECT event_name, page, count(*), count(DISTINCT username) FROM trusted.clickstream GROUP BY ALL ORDER BY ALL")
    page_name = "/clicks.html"
    assert found == [("click", page_name, 2, 1), ("page_view", page_name, 1, 1), ("say hello", page_name, 1, 1), ("submit", page_name, 1, 1)]
