"""A registry that is away, refuses or is none is told in words, without a password."""

import threading
from pathlib import Path

import pytest

from event_platform import sources
from event_platform.environment import Environment, Kafka
from event_platform.errors import ConfigurationError, PlatformError, TransientError
from event_platform.realtime.kafka.registry import Registry
from event_platform_tests.pulls.servers import answers, hangs, serving

CLICKS = sources.get("clickstream")


def registry(url: str, **options: str) -> Registry:
    patience = {"max.retries": "0", "timeout": "20"}
    return Registry(Environment(Path("home"), kafka=Kafka("127.0.0.1:9", url, registry_options=patience | options)))


def test_who_says_nothing_of_a_registry_is_told_what_to_set() -> None:
    with pytest.raises(ConfigurationError, match="set EVENT_PLATFORM_SCHEMA_REGISTRY"):
        Registry(Environment(Path("home"), kafka=Kafka("127.0.0.1:9")))


def test_one_that_is_away_is_told() -> None:
    with pytest.raises(TransientError, match=r"at http://127\.0\.0\.1:9/api does not answer") as told:
        registry("http://user:hidden@127.0.0.1:9/api").latest(CLICKS)
    assert "hidden" not in str(told.value)


def test_a_password_that_makes_an_address_of_its_beginning_is_not_told() -> None:
    with pytest.raises(TransientError, match="does not answer") as told:
        registry("http://127.0.0.1:9/hidden@registry.example.com").latest(CLICKS)
    assert "hidden" not in str(told.value)


def test_a_name_that_no_host_can_have_is_told() -> None:
    with pytest.raises(ConfigurationError, match="cannot be asked: see EVENT_PLATFORM_SCHEMA_REGISTRY"):
        registry("http://no_hö..st:8081").latest(CLICKS)


def test_one_that_is_silent_is_not_waited_for_long() -> None:
    ended = threading.Event()
    with serving(hangs(b"", ended)) as server, pytest.raises(TransientError, match="does not answer"):
        registry(server.url, timeout="0.3").latest(CLICKS)
    ended.set()


@pytest.mark.parametrize("options", [{"no.such": "hidden"}, {"ssl.ca.location": "/hidden.pem"}, {"timeout": "hidden"}])
def test_an_option_that_does_not_fit_is_told_without_its_value(options: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="EVENT_PLATFORM_SCHEMA_REGISTRY_SET_") as told:
        registry("http://127.0.0.1:9", **options)
    assert "hidden" not in str(told.value)


@pytest.mark.parametrize(
    ("status", "body", "kind", "word"),
    [
        ("200 OK", b"<html>welcome</html>", ConfigurationError, "no schema registry"),
        ("200 OK", b"[]", ConfigurationError, "no schema registry"),
        ("401 Unauthorized", b"{}", ConfigurationError, "refuses who asks"),
        ("422 Unprocessable", b'{"error_code": 42201, "message": "not so"}', ConfigurationError, "refuses: not so"),
        ("503 Service Unavailable", b"<html>", TransientError, "fails"),
    ],
)
def test_what_it_answers_is_told(status: str, body: bytes, kind: type[PlatformError], word: str) -> None:
    with serving(answers(body, status)) as server, pytest.raises(kind, match=word):
        registry(server.url).latest(CLICKS)
