"""`collector.toml`: what cannot be used is refused in words, before anything listens."""

from pathlib import Path

import pytest

from event_platform import sources
from event_platform.environment import Environment
from event_platform.errors import ConfigurationError
from event_platform.realtime import configuration
from event_platform.realtime.access import Doorkeeper


def written(tmp_path: Path, text: str) -> Environment:
    (tmp_path / "collector.toml").write_text(text, encoding="utf-8")
    return Environment(tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("topics = [", "cannot be used"),
        ("topics = []", "topics"),
        ("colour = 1", "colour"),
        ('topics = ["census"]', "no JSON lines"),
        ('[keys.a]\nsecret_from = "A"\ntopics = ["payments"]', "payments"),
        ('[keys.a]\nsecret_from = "my secret"\ntopics = ["clickstream"]', "keys.a.secret_from"),
        ("[limits]\nbody_bytes = 9000000", "limits.body_bytes"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as refused:
        configuration.read(written(tmp_path, text))
    assert "my secret" not in str(refused.value)


@pytest.mark.parametrize("text", ["", 'topics = ["clicks", "payments"]'])
def test_a_feed_that_is_not_there_is_told_with_the_line_to_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    mine = {name: sources.get(name) for name in ("payments", "census", "storefront")}
    monkeypatch.setattr(sources, "all_sources", lambda: mine)
    with pytest.raises(ConfigurationError) as refused:
        configuration.read(written(tmp_path, text))
    path, _, line = str(refused.value).removeprefix(f"Events of {'clicks' if text else 'clickstream'} cannot be collected: ").partition(" which")
    assert path == f"there is no such feed. Say in {tmp_path}/collector.toml"
    (tmp_path / "collector.toml").write_text(line.removeprefix(" are to be: "), encoding="utf-8")
    assert list(configuration.read(Environment(tmp_path)).sources()) == ["payments", "storefront"]


def test_who_has_no_feed_that_can_be_collected_is_told_to_add_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    census = sources.get("census")
    monkeypatch.setattr(sources, "all_sources", lambda: {"census": census})
    with pytest.raises(ConfigurationError, match=r"there is no such feed\. Add one of JSON lines first"):
        configuration.read(Environment(tmp_path))


def test_a_key_without_its_secret_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WEBSITE_KEY", raising=False)
    collector = configuration.read(written(tmp_path, '[keys.a]\nsecret_from = "WEBSITE_KEY"\ntopics = ["clickstream"]'))
    with pytest.raises(ConfigurationError, match="WEBSITE_KEY"):
        Doorkeeper(collector)
    collector.refuse_strangers("0.0.0.0")


def test_without_a_file_the_clickstream_is_for_this_machine(tmp_path: Path) -> None:
    collector = configuration.read(Environment(tmp_path))
    assert list(collector.sources()) == ["clickstream"]
    for host in ("127.0.0.1", "::1", "localhost", "127.8.8.8"):
        collector.refuse_strangers(host)
    for host in ("0.0.0.0", "::", "192.168.1.1", "example.com"):
        with pytest.raises(ConfigurationError, match="keys"):
            collector.refuse_strangers(host)
