"""The pull client against servers that really misbehave."""

import gzip
import logging
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from event_platform.errors import ConfigurationError, PlatformError, RefusedError, TornAnswerError, UnavailableError, UnusableAnswerError
from event_platform.pulls.body import Shape, count_records
from event_platform.pulls.client import Answer, Patience, Request, pull
from event_platform_tests.pulls.servers import Script, Step, answers, hangs, message, sends, serving, trickles

HASTY = Patience(read_seconds=20, deadline_seconds=60, attempts=3, first_pause_seconds=0.001, longest_pause_seconds=0.01)
"""Between attempts; a server that answers may be slow."""
ROWS = [{"page": "/a"}, {"page": "/b"}]
SECRET = "s3cr3t-key"


@pytest.fixture(scope="module")
def duck() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


class Client:
    """Pulls from a script, and remembers the pauses it was told to make."""

    def __init__(self, duck: duckdb.DuckDBPyConnection, folder: Path) -> None:
        self.duck, self.folder, self.pauses = duck, folder, list[float]()

    def __call__(self, script: Script, patience: Patience = HASTY, shape: Shape = "array") -> Answer:
        request = Request(f"{script.url}/records", {"count": "2"}, {"apikey": SECRET})
        folder = self.folder / str(len(list(self.folder.iterdir())))
        folder.mkdir()
        return pull(request, folder, partial(count_records, shape=shape, duck=self.duck, who=request.shown), patience, sleep=self.pauses.append)


@pytest.fixture
def client(duck: duckdb.DuckDBPyConnection, tmp_path: Path) -> Client:
    return Client(duck, tmp_path)


CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
WHOLE = b'[{"page": "/a"},\n  {"page": "/b"}] \n'


@pytest.mark.parametrize(
    "step",
    [
        answers(WHOLE),
        sends(CHUNKED + b"%x\r\n%s\r\n0\r\n\r\n" % (len(WHOLE), WHOLE)),
        sends(b"HTTP/1.0 200 OK\r\n\r\n" + WHOLE),
        answers(gzip.compress(WHOLE), Content_Encoding="gzip"),
    ],
    ids=["by length", "chunked", "until the end", "compressed though nobody asked"],
)
def test_the_body_is_kept_byte_for_byte(client: Client, step: Step) -> None:
    with serving(step) as script:
        answer = client(script)
    assert answer.path.read_bytes() == WHOLE
    assert (answer.status, answer.records, answer.bytes, answer.attempts) == (200, 2, len(WHOLE), 1)
    assert script.parameters() == [{"count": "2", "apikey": SECRET}]


@pytest.mark.parametrize(
    ("step", "error"),
    [
        (answers(b"[{}, {}", Content_Length="9"), TornAnswerError),
        (sends(CHUNKED + b"8\r\n[{}, "), TornAnswerError),
        (sends(CHUNKED + b"2\r\n[]\r\n"), TornAnswerError),
        (sends(CHUNKED + b"xyz\r\n[]\r\n0\r\n\r\n"), TornAnswerError),
        (sends(b"HTTP/1.0 200 OK\r\n\r\n[{}, {"), TornAnswerError),
        (answers(gzip.compress(WHOLE)[:-12], Content_Encoding="gzip"), TornAnswerError),
        (answers(b"nonsense", Content_Encoding="gzip"), TornAnswerError),
        (answers(b'["\xff"]'), TornAnswerError),
        (answers(b""), TornAnswerError),
        (answers({"error": "down"}, "500 Internal Server Error"), UnavailableError),
        (answers(b"<h1>busy</h1>", "503 Service Unavailable"), UnavailableError),
        (answers({}, "429 Too Many Requests"), UnavailableError),
        (sends(b""), UnavailableError),
        (sends(b"SSH-2.0-server\r\n"), UnavailableError),
    ],
    ids=[
        "shorter than said",
        "within a chunk",
        "no last chunk",
        "a chunk of no size",
        "half without a length",
        "half compressed",
        "not compressed",
        "not UTF-8",
        "empty",
        "500",
        "503",
        "429",
        "closed at once",
        "not HTTP",
    ],
)
def test_what_may_pass_is_asked_again_and_then_told(client: Client, step: Step, error: type[PlatformError]) -> None:
    with serving(step) as script:
        with pytest.raises(error, match=f"{script.url}/records") as told:
            client(script)
        assert len(script.asked) == HASTY.attempts
        assert "Nothing was landed" in str(told.value)
    with serving(step, answers(ROWS)) as script:
        assert client(script).attempts == 2


@pytest.mark.parametrize(
    ("step", "error", "word"),
    [
        (answers(b"<!doctype html><p>Hello", Content_Type="text/html"), UnusableAnswerError, "a web page"),
        (answers(b"OK"), UnusableAnswerError, "not JSON"),
        (answers({"error": "no"}), UnusableAnswerError, "a JSON object"),
        (answers([1] * 5000), UnusableAnswerError, "more than 10,000 bytes"),
        (answers(gzip.compress(b"[" + b" " * 5_000_000 + b"]"), Content_Encoding="gzip"), UnusableAnswerError, "more than 10,000 bytes"),
        (answers({}, "401 Unauthorized"), RefusedError, "key"),
        (answers({}, "404 Not Found"), RefusedError, "404 (Not Found)"),
        (answers({}, "204 No Content"), RefusedError, "204"),
        (answers({}, "499 Odd"), RefusedError, "499"),
        (answers({}, "302 Found", Location="http://127.0.0.1:9/?x"), RefusedError, "elsewhere"),
    ],
)
def test_what_will_not_pass_is_asked_once(client: Client, step: Step, error: type[PlatformError], word: str) -> None:
    with serving(step) as script:
        with pytest.raises(error) as told:
            client(script, Patience(most_bytes=10_000))
        assert len(script.asked) == 1
    assert word in str(told.value)


@pytest.mark.parametrize("after", [b"", b"HTTP/1.1 200 OK\r\n", message(b"[{}, {", Content_Length="500")], ids=["nothing", "headers", "body"])
def test_silence_is_a_time_out(client: Client, after: bytes) -> None:
    let_go = threading.Event()
    with serving(hangs(after, let_go), answers(ROWS)) as script:
        assert client(script, replace(HASTY, read_seconds=2)).attempts == 2
        let_go.set()
    with serving(hangs(after, let_go := threading.Event())) as script:
        with pytest.raises(UnavailableError, match=r"silent for 0.2 s"):
            client(script, replace(HASTY, read_seconds=0.2))
        let_go.set()


@pytest.mark.parametrize(
    ("after", "drop"),
    [(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x"), (message(b"[", Content_Length="100000"), b" "), (CHUNKED, b"1\r\n \r\n"), (CHUNKED, b"0")],
    ids=["headers", "body", "chunks", "size of a chunk"],
)
def test_a_trickle_ends_at_the_deadline(client: Client, after: bytes, drop: bytes) -> None:
    let_go = threading.Event()
    with serving(trickles(after, drop, let_go)) as script:
        with pytest.raises(UnavailableError, match=r"not answered in full after 1 s"):
            client(script, Patience(read_seconds=5, deadline_seconds=1))
        assert len(script.asked) == 1
        let_go.set()


def test_an_api_that_is_not_there_is_named(client: Client) -> None:
    with serving(answers([])) as script:
        pass
    with pytest.raises(UnavailableError, match=script.url):
        client(script)
    assert len(client.pauses) == HASTY.attempts - 1


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "127.0.0.1", "http://", "http://127.0.0.1:port"])
def test_an_address_that_is_none_is_a_setting_to_correct(client: Client, url: str) -> None:
    with pytest.raises(ConfigurationError, match="http://"):
        client(Script([], url))


def in_seconds(seconds: int) -> str:
    return format_datetime(datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(
    ("header", "least", "most"),
    [("7", 7, 7), ("0", 0, 0.01), ("soon", 0, 0.01), ("-3", 0, 0.01), ("", 0, 0.01), (timedelta(-1), 0, 0.01), (timedelta(hours=1), 3000, 3600)],
    ids=str,
)
def test_retry_after_is_kept_as_seconds_and_as_a_date(client: Client, header: str | timedelta, least: float, most: float) -> None:
    told = header if isinstance(header, str) else in_seconds(int(header.total_seconds()))
    with serving(answers({}, "429 Too Many Requests", Retry_After=told), answers(ROWS)) as script:
        client(script, Patience(deadline_seconds=7200, first_pause_seconds=0.001, longest_pause_seconds=0.01))
    (pause,) = client.pauses
    assert least <= pause <= most


def test_a_pause_beyond_the_deadline_is_not_begun(client: Client) -> None:
    with serving(answers({}, "429 Too Many Requests", Retry_After="3600")) as script:
        with pytest.raises(UnavailableError, match="left alone for 3600 s"):
            client(script)
        assert (len(script.asked), client.pauses) == (1, [])


def test_pauses_grow_and_stay_below_the_longest(client: Client) -> None:
    with serving(answers({}, "500 Oops")) as script, pytest.raises(UnavailableError):
        client(script, Patience(attempts=12, first_pause_seconds=1, longest_pause_seconds=64))
    assert len(set(client.pauses)) == len(client.pauses) == 11
    assert all(0 <= pause <= min(2**number, 64) for number, pause in enumerate(client.pauses))
    assert max(client.pauses) > 1


@pytest.mark.parametrize(
    "step",
    [
        answers({}, "401 Unauthorized"),
        answers({}, "500 Oops"),
        answers(b"[", Content_Length="3"),
        answers(b"<p>"),
        answers({}, "302 Found", Location=f"/?apikey={SECRET}"),
        sends(b""),
        sends(f"apikey={SECRET}\r\n\r\n".encode()),
        answers({"apikey": SECRET}),
        sends(b"HTTP/1.1 200 OK\r\nthis is no header\r\nContent-Length: 3\r\n\r\n<p>"),
    ],
)
def test_the_secret_is_told_nowhere(client: Client, step: Step, caplog: pytest.LogCaptureFixture) -> None:
    from dagster._utils.error import serializable_error_info_from_exc_info

    caplog.set_level(logging.DEBUG)
    with serving(step) as script:
        with pytest.raises(PlatformError) as told:
            client(script)
        assert SECRET in script.asked[0]
    in_dagster = serializable_error_info_from_exc_info((told.type, told.value, told.tb))
    assert SECRET not in f"{told.value} {caplog.text} {in_dagster}"
    assert all(SECRET not in path.name for path in client.folder.rglob("*"))


def test_others_who_ask_through_the_same_library_are_told_what_it_tells(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    import urllib3

    with serving(answers(ROWS)) as script:
        client(script)
    with serving(sends(b"HTTP/1.1 200 OK\r\nthis is no header\r\n\r\n")) as script:
        urllib3.PoolManager().request("GET", f"{script.url}/of-another")
    assert "/of-another" in caplog.text


def test_a_password_in_the_address_is_not_shown() -> None:
    assert Request("https://user:password@api.example.com:8443/v1?key=k#f").shown == "https://api.example.com:8443/v1"
    assert SECRET not in repr(Request("http://api", {}, {"apikey": SECRET}))


@given(cut=st.integers(0, len(message(WHOLE)) - len(WHOLE.rstrip()) + 33), length=st.booleans())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_answer_that_was_cut_is_ever_taken(client: Client, cut: int, length: bool) -> None:
    """With a length any missing byte is noticed; without, any that the JSON needs."""
    whole = message(WHOLE) if length else b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n" + WHOLE
    needed = len(whole) if length else len(whole.rstrip())
    with serving(sends(whole[: min(cut, needed - 1)])) as script, pytest.raises((TornAnswerError, UnavailableError)):
        client(script, Patience(attempts=1))


def test_an_object_counts_as_one_record(client: Client) -> None:
    with serving(answers({"data": [1, 2]})) as script:
        assert client(script, shape="object").records == 1
