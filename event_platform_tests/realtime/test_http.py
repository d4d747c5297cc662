"""What clients see: each way to bring events, every limit, and nothing but the agreed statuses."""

import asyncio
import base64
import gzip
import json
import socket
import sys
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
import requests

from event_platform.environment import Environment
from event_platform.errors import ConfigurationError
from event_platform.realtime.access import Allowance
from event_platform.realtime.serve import serve
from event_platform_tests.pipeline import Pipeline
from event_platform_tests.realtime.conftest import CLICK, Running, lines_pending

KEYS = """
topics = ["clickstream", "payments"]
[keys.website]
secret_from = "WEBSITE_KEY"
topics = ["clickstream"]
events_per_second = 0.01
burst = 5
"""


def test_good_ones_are_kept_and_broken_ones_told(shared: Running) -> None:
    answer = shared.post([CLICK, {**CLICK, "page": 7}, CLICK], headers={"X-Request-Id": "my-1"})
    assert answer.status_code == 422
    assert answer.json() == {"accepted": 2, "rejected": [{"index": 1, "reason": "`page` is not a string"}], "request_id": "my-1"}
    assert answer.headers["X-Request-Id"] == "my-1"
    assert shared.post(CLICK).json() == {"accepted": 1}
    assert shared.post(json.dumps(CLICK).encode(), headers={"Content-Type": "text/plain"}).status_code == 200  # as sendBeacon does


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/event/clickstream", 405), ("POST", "/event/census", 404), ("GET", "/", 404)])
def test_what_is_not_there(shared: Running, method: str, path: str, status: int) -> None:
    answer = requests.request(method, shared.url + path, timeout=30)
    assert (answer.status_code, "error" in answer.json()) == (status, True)


@pytest.mark.parametrize(
    ("asked", "named"), [("payments", "topic payments"), ("x" * 61, "such topic"), ("%3Cb%3E%22", "such topic"), ("%ff%0a", "such topic")]
)
def test_a_topic_that_is_not_there_is_told_with_those_that_are(shared: Running, asked: str, named: str) -> None:
    answer = requests.post(f"{shared.url}/event/{asked}", json=CLICK, timeout=30)
    assert (answer.status_code, answer.json()["error"]) == (404, f"There is no {named}; there are: clickstream.")


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
def test_packed_bodies(shared: Running, pack: Callable[[bytes], bytes]) -> None:
    encoding = {"Content-Encoding": "gzip" if pack is gzip.compress else "deflate"}
    sound = pack(json.dumps([CLICK] * 3).encode())
    assert shared.post(sound, headers=encoding).json() == {"accepted": 3}
    assert shared.post(sound[:-9], headers=encoding).status_code == 400
    assert shared.post(sound + sound, headers=encoding).status_code == 400  # half of it must not be lost unsaid
    assert shared.post(b"plain", headers=encoding).status_code == 400
    assert shared.post(pack(b"[" + b" " * (64 << 20) + b"]"), headers=encoding).status_code == 413
    assert shared.post(sound, headers={"Content-Encoding": "br"}).status_code == 415


def test_a_body_too_large_is_refused_with_and_without_its_length(shared: Running) -> None:
    large = b"[" + b" " * (2 << 20) + b"]"
    assert shared.post(large).status_code == 413
    answer = requests.post(f"{shared.url}/event/clickstream", data=iter([large[:1000]] + [b" " * 100_000] * 40), timeout=30)
    assert answer.status_code == 413


def test_an_image_brings_an_event(shared: Running) -> None:
    answer = requests.get(f"{shared.url}/event/clickstream.gif", params=CLICK | {"page": "/é?"}, timeout=30)
    assert (answer.status_code, answer.headers["Content-Type"], answer.content[:6]) == (200, "image/gif", b"GIF89a")
    assert requests.get(f"{shared.url}/event/clickstream.gif?page=/", timeout=30).status_code == 422
    assert requests.head(f"{shared.url}/event/clickstream.gif", params=CLICK, timeout=30).status_code == 405


def test_pages_of_listed_origins_alone_may_read_answers(shared: Running) -> None:
    def allowed(origin: str) -> str | None:
        headers = {"Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
        return requests.options(f"{shared.url}/event/clickstream", headers=headers, timeout=30).headers.get("Access-Control-Allow-Origin")

    assert allowed("https://shop.example.com") == "https://shop.example.com"
    assert allowed("https://other.example.com") is None


def test_also_who_is_shed_may_read_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from starlette.testclient import TestClient

    from event_platform.realtime import app

    monkeypatch.setenv("EVENT_PLATFORM_HOME", str(tmp_path))
    monkeypatch.setattr("event_platform.realtime.app.end_with_parent", lambda: None)
    (tmp_path / "collector.toml").write_text('origins = ["https://shop.example.com"]\n[limits]\nrequests_at_once = 1\n')
    guarded = app.create()
    guarded.app._now = 1  # type: ignore[attr-defined] # as if another were under way
    with TestClient(guarded) as client:
        answer = client.post("/event/clickstream", json=CLICK, headers={"Origin": "https://shop.example.com"})
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (503, "https://shop.example.com")


def test_metrics_and_openapi(shared: Running) -> None:
    shared.post(CLICK)
    assert 'collector_events_total{topic="clickstream",verdict="accepted"}' in requests.get(f"{shared.url}/metrics", timeout=30).text
    document = requests.get(f"{shared.url}/openapi.json", timeout=30).json()
    assert document["components"]["schemas"]["clickstream"]["required"] == ["event_name", "event_time", "page", "username"]


def test_a_failure_is_answered_counted_and_tells_its_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from prometheus_client import REGISTRY

    from event_platform.realtime import app
    from event_platform.realtime.intake import Intake

    async def fail(*_: object) -> None:
        raise ValueError("secret")

    monkeypatch.setenv("EVENT_PLATFORM_HOME", str(tmp_path))
    monkeypatch.setattr(app, "end_with_parent", lambda: None)
    monkeypatch.setattr(Intake, "take", fail)
    counted = partial(REGISTRY.get_sample_value, "collector_requests_total", {"status": "500"})
    before = counted() or 0
    answers: list[dict[str, object]] = []

    async def post() -> None:
        async def receive() -> dict[str, object]:
            return {"type": "http.request", "body": b"{}"}

        async def send(message: dict[str, object]) -> None:
            answers.append(message)

        scope = {"type": "http", "method": "POST", "path": "/event/clickstream", "query_string": b"", "headers": [(b"x-request-id", b"my-1")]}
        with pytest.raises(ValueError, match="secret"):  # for the server's log
            await app.create()(scope, receive, send)

    asyncio.run(post())
    assert (answers[0]["status"], b"secret" in bytes(answers[1]["body"])) == (500, False)
    assert (b"x-request-id", b"my-1") in answers[0]["headers"]
    assert counted() == before + 1


def test_cloud_events_through_the_official_sdk(collect: Callable[..., Running]) -> None:
    from cloudevents.core.bindings.http import to_structured_event
    from cloudevents.core.v1.event import CloudEvent

    collector = collect()
    data = {name: value for name, value in CLICK.items() if name != "event_time"}
    attributes = {"type": "click", "source": "/shop", "id": "7", "time": "2026-01-01T00:00:05Z", "specversion": "1.0"}
    from datetime import datetime

    event = CloudEvent({**attributes, "time": datetime.fromisoformat(attributes["time"]), "datacontenttype": "application/json"}, data)
    message = to_structured_event(event)
    assert collector.post(message.body, headers=message.headers).json() == {"accepted": 1}
    batch = b"[" + b",".join([message.body, b"{}", message.body.replace(b'"7"', b'"8"')]) + b"]"
    answer = collector.post(batch, headers={"Content-Type": "application/cloudevents-batch+json"})
    assert [each["index"] for each in answer.json()["rejected"]] == [1]
    collector.stop()
    kept = [json.loads(line) for line in lines_pending()]
    assert [each["event_id"] for each in kept] == ["/shop#7", "/shop#7", "/shop#8"]
    assert {each["event_time"] for each in kept} == {1_767_225_605}


def test_segments_own_client(collect: Callable[..., Running], clickstream: Pipeline) -> None:
    from segment.analytics.client import Client

    collector = collect(configuration=KEYS.replace("burst = 5", "burst = 5000"), WEBSITE_KEY="s3cret")
    errors: list[object] = []
    client = Client("s3cret", host=collector.url, gzip=True, on_error=lambda *told: errors.append(told))
    client.track("u1", "Order placed", {"total": 7})
    client.page("u1", name="Home", properties={"path": "/home"})
    client.identify("u1", {"plan": "free"})
    client.flush()
    client.join()
    assert errors == []
    refused: list[object] = []
    stranger = Client("wrong", host=collector.url, on_error=lambda *told: refused.append(told), max_retries=1)
    stranger.track("u1", "Order placed")
    stranger.flush()
    stranger.join()
    assert len(refused) == 1
    collector.stop()
    clickstream.run_well()
    found = clickstream.sql("SELECT event_name, page, username FROM trusted.clickstream ORDER BY event_name")
    assert found == [("Order placed", "", "u1"), ("identify", "", "u1"), ("page", "/home", "u1")]


def test_keys_and_how_much_they_may_bring(collect: Callable[..., Running]) -> None:
    collector = collect(configuration=KEYS, WEBSITE_KEY="s3cret")
    basic = base64.b64encode(b"s3cret:").decode()
    ways = [{"X-API-Key": "s3cret"}, {"Authorization": "Bearer s3cret"}, {"Authorization": f"Basic {basic}"}]
    assert [collector.post(CLICK, headers=way).status_code for way in ways] == [200, 200, 200]
    assert collector.post(CLICK, "/event/clickstream?key=s3cret").status_code == 200
    assert [collector.post(CLICK, headers=way).status_code for way in [{}, {"X-API-Key": "s3cres"}, {"Authorization": "Basic ?"}]] == [401] * 3
    assert collector.post(CLICK, "/event/payments", headers=ways[0]).status_code == 403
    refused = collector.post([CLICK] * 5, headers=ways[0])
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 100
    assert b"s3cret" not in collector.stop()
    assert len(lines_pending()) == 4


def test_a_collector_that_is_not_installed_is_told_with_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "granian.server", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'event-platform\[collector\]'"):
        serve(Environment(tmp_path), "127.0.0.1", 8080, 1)


def test_strangers_are_kept_out_without_keys(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no keys"):
        serve(Environment(tmp_path), "0.0.0.0", 8080, 1)


def test_an_allowance_fills_again() -> None:
    allowance = Allowance(10, 20)
    assert [allowance.take(events, 100.0) for events in (15, 5, 5)] == [0.0, 0.0, 0.5]
    assert allowance.take(5, 100.5) == 0.0
    assert allowance.take(1000, 200.0) == 0.0
    assert allowance.take(1, 200.0) > 90


SMALL = "[limits]\nrequests_at_once = 4\n"


def test_who_dawdles_does_not_keep_others_out(collect: Callable[..., Running]) -> None:
    collector = collect(configuration=f"{SMALL}body_seconds = 2\n")
    head = b"POST /event/clickstream HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n["
    slow = [socket.create_connection(("127.0.0.1", collector.port)) for _ in range(4)]
    for each in slow:
        each.sendall(head)
    answers = [each.recv(1000) for each in slow]
    assert all(answer.startswith(b"HTTP/1.1 408") for answer in answers)
    assert collector.post(CLICK).status_code == 200
    for each in slow:
        each.close()
    with socket.create_connection(("127.0.0.1", collector.port)) as never:
        never.sendall(b"POST /event/clickstream HTTP/1.1\r\nHo")
        assert collector.post(CLICK).status_code == 200
        assert not never.recv(1000).startswith(b"HTTP/1.1 200")


def test_more_at_once_than_may_be_is_shed_and_what_is_acknowledged_is_kept(collect: Callable[..., Running]) -> None:
    collector = collect(configuration=SMALL)

    def post(number: int) -> tuple[int, bool]:
        answer = collector.post([CLICK | {"event_id": f"{number}-{place}"} for place in range(20)])
        return answer.status_code, "Retry-After" in answer.headers

    with ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(post, range(300)))
    assert set(answers) <= {(200, False), (503, True)}
    collector.stop()
    assert len(lines_pending()) == 20 * sum(status == 200 for status, _ in answers)


def test_a_full_buffer_says_so(tmp_path: Path) -> None:
    from event_platform import sources
    from event_platform.errors import TransientError
    from event_platform.realtime.embedded import EmbeddedSink

    async def overrun() -> list[object]:
        sink = EmbeddedSink(Environment(tmp_path), most_bytes=100)
        results = await asyncio.gather(*(sink.append(sources.get("clickstream"), b"x" * 39 + b"\n") for _ in range(3)), return_exceptions=True)
        await sink.close()
        return list(results)

    first, second, third = asyncio.run(overrun())
    assert (first, second, type(third)) == (None, None, TransientError)
    assert sum(path.stat().st_size for path in tmp_path.rglob("collected-*")) == 80
