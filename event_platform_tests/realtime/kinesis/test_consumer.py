"""Weather through a stream: the tables are the poller's, alerts are sent in the same pass, and nothing that happens loses or doubles a record."""

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from event_platform import environment
from event_platform.cli import app
from event_platform.errors import ConfigurationError, TransientError, UsageError
from event_platform.lake import aws as shared
from event_platform.pulls.kinesis import Stream
from event_platform.pulls.weather import poll
from event_platform.realtime.kinesis import checkpoint, consumer
from event_platform.realtime.kinesis.stream import Shard, readable
from event_platform.samples.apis import opened, weather_api
from event_platform_tests.alerts.conftest import GALE, MailServer, mail  # noqa: F401 - a fixture
from event_platform_tests.pipeline import Pipeline
from event_platform_tests.realtime.kinesis.conftest import NAME, Kinesis, answer, pending, process

TABLES = {
    "stage.weather": "COLUMNS(* EXCLUDE (landing_file, file_id, landing_date))",
    "trusted.weather": "COLUMNS(* EXCLUDE (landing_file, file_id, landing_date))",
    "landing.weather": "sha256, bytes, lines, duplicate_of",
}


def tables(weather: Pipeline) -> dict[str, list[tuple[object, ...]]]:
    return {table: weather.sql(f"SELECT {columns} FROM {table} ORDER BY ALL") for table, columns in TABLES.items()}


def places(weather: Pipeline, table: str = "stage.weather") -> Counter[object]:
    return Counter(place for (place,) in weather.sql(f"SELECT place FROM {table}"))


def test_what_comes_through_a_stream_makes_the_tables_that_the_poller_makes(
    kinesis: Kinesis, weather: Pipeline, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kinesis.create(shards=3)
    monkeypatch.setenv("EVENT_PLATFORM_TOMORROW_API_KEY", "k")
    monkeypatch.setenv("EVENT_PLATFORM_WEATHER_PLACES", "oslo=Oslo;bergen=Bergen;office=59.9,10.75")
    moments = [datetime(2026, 3, 1, 12, minute, tzinfo=UTC) for minute in (0, 7, 59)]
    with opened(weather_api(lambda: moments[0])) as url:
        monkeypatch.setenv("EVENT_PLATFORM_TOMORROW_URL", url)
        for _ in range(2):
            streamed, failed = poll(environment.read(), stream=Stream(NAME))
            polled, _ = poll(environment.read())
            moments.pop(0)
    assert failed == [] and {each.file for each in streamed} == {None}
    assert all("put into the stream weather as shardId-00000000000" in str(each) for each in streamed)
    assert len(polled) == len(pending()) / 2 == 3
    process(weather)
    by_poller = tables(weather)
    monkeypatch.setenv("EVENT_PLATFORM_HOME", str(tmp_path / "streamed"))
    kinesis.consume()
    process(weather)
    assert tables(weather) == by_poller
    assert len(by_poller["trusted.weather"]) == 6


def test_an_alert_is_sent_in_the_same_pass_and_once(kinesis: Kinesis, weather: Pipeline, home: Path, mail: MailServer) -> None:  # noqa: F811
    kinesis.create()
    home.mkdir()
    (home / "alerts.toml").write_text(GALE)
    with kinesis.opened() as opened_consumer:
        opened_consumer.work()
        kinesis.put("oslo", answer(1, windGust=3))
        kinesis.put("oslo", answer(2, windGust=25))
        kinesis.put("bergen", answer(2, windGust=4))
        opened_consumer.work()
        assert mail.titles == ["gale: oslo breach"]
        weather.run_well()
        assert mail.titles == ["gale: oslo breach"]
        kinesis.put("oslo", answer(3, windGust=10))
        opened_consumer.work()
    assert mail.titles == ["gale: oslo breach", "gale: oslo is over"]
    process(weather)
    assert places(weather, "trusted.weather") == {"oslo": 3, "bergen": 1}


def test_alerts_that_cannot_be_used_stop_no_landing(kinesis: Kinesis, home: Path) -> None:
    kinesis.create()
    home.mkdir()
    (home / "alerts.toml").write_text("rules = 7")
    with pytest.raises(ConfigurationError, match=r"alerts\.toml"):
        kinesis.consume()
    with kinesis.opened() as opened_consumer:
        kinesis.put("oslo", answer())
        opened_consumer.work()
    assert len(pending()) == 1
    assert any("left to the next round" in told for told in kinesis.told)


@pytest.mark.parametrize("claimed_between", [False, True])
def test_a_record_that_its_producer_put_twice_is_staged_once(kinesis: Kinesis, weather: Pipeline, claimed_between: bool) -> None:
    kinesis.create()
    for body in (answer(1), answer(1), answer(2)):
        kinesis.put("oslo", body)
        if claimed_between:
            kinesis.consume()
            process(weather)
    kinesis.consume()
    process(weather)
    assert places(weather) == {"oslo": 2}
    assert weather.sql("SELECT count(*), count(duplicate_of) FROM landing.weather") == [(3, 1) if claimed_between else (2, 0)]
    assert weather.status().balanced


def test_the_same_weather_at_two_places_is_two_files(kinesis: Kinesis, weather: Pipeline) -> None:
    kinesis.create()
    for place in ("oslo", "bergen"):
        kinesis.put(place, answer(1))
    kinesis.consume()
    process(weather)
    assert places(weather) == {"oslo": 1, "bergen": 1}


@pytest.mark.parametrize("claimed_between", [False, True])
def test_a_stream_that_is_read_again_from_its_beginning_doubles_nothing(kinesis: Kinesis, weather: Pipeline, claimed_between: bool) -> None:
    kinesis.create(shards=2)
    for minute in range(5):
        kinesis.put("oslo", answer(minute))
    kinesis.consume()
    if claimed_between:
        process(weather)
    kept = environment.read().landing / "weather" / "streams" / f"{NAME}.json"
    kept.write_text("{torn" if claimed_between else "{}")
    kinesis.consume()
    process(weather)
    assert places(weather) == {"oslo": 5}
    assert weather.status().balanced


def test_a_stream_that_is_made_anew_is_read_from_its_beginning(kinesis: Kinesis, weather: Pipeline) -> None:
    kinesis.create()
    kinesis.put("oslo", answer(1))
    kinesis.consume()
    kinesis.client.delete_stream(StreamName=NAME)
    kinesis.create()
    kinesis.put("oslo", answer(2))
    kinesis.consume()
    process(weather)
    assert places(weather) == {"oslo": 2}


class TestShards:
    def test_parents_come_before_children_and_those_that_are_gone_keep_nobody_waiting(self) -> None:
        split = [Shard("0"), Shard("1", frozenset("0")), Shard("2", frozenset("0")), Shard("3", frozenset("12"))]
        assert readable(split, []) == ["0"]
        assert readable(split, ["0"]) == ["1", "2"]
        assert readable(split, ["0", "2"]) == ["1"]
        assert readable(split, ["0", "1", "2"]) == ["3"]
        assert readable(split[1:], []) == ["1", "2"]

    def test_a_stream_that_is_split_and_merged_while_it_is_read_loses_and_doubles_nothing(self, kinesis: Kinesis, weather: Pipeline) -> None:
        kinesis.create()
        with kinesis.opened() as opened_consumer:
            self._put(kinesis, 1)
            opened_consumer.work()
            self._put(kinesis, 2)
            kinesis.split("shardId-000000000000")
            self._put(kinesis, 3)
            opened_consumer.work()
            kinesis.merge("shardId-000000000001", "shardId-000000000002")
            self._put(kinesis, 4)
            while not opened_consumer.work():
                pass
        assert len(pending()) == 8
        kept = json.loads((environment.read().landing / "weather" / "streams" / f"{NAME}.json").read_text())
        assert kept["ended"] == ["shardId-000000000000", "shardId-000000000001", "shardId-000000000002"]
        self._put(kinesis, 5)
        kinesis.consume()
        process(weather)
        assert places(weather) == {"oslo": 5, "bergen": 5}
        assert weather.sql("SELECT DISTINCT split_part(landing_file, '@', 3) FROM stage.weather ORDER BY 1") == [
            (f"shardId-00000000000{number}",) for number in range(4)
        ]

    def test_a_split_seen_only_afterwards_is_read_in_order(self, kinesis: Kinesis) -> None:
        kinesis.create()
        self._put(kinesis, 1)
        kinesis.split("shardId-000000000000")
        self._put(kinesis, 2)
        with kinesis.opened() as opened_consumer:
            opened_consumer.work()
            assert {path.name.split("@")[2] for path in pending()} == {"shardId-000000000000"}
            opened_consumer.work()
        assert len(pending()) == 4

    @staticmethod
    def _put(kinesis: Kinesis, minute: int) -> None:
        for place, hash_key in (("oslo", 1), ("bergen", 2**127 + 1)):
            kinesis.put(place, answer(minute), hash_key)


class TestTrouble:
    def test_an_iterator_that_expired_is_replaced_by_one_at_the_same_place(self, kinesis: Kinesis) -> None:
        kinesis.create()
        with kinesis.opened() as opened_consumer:
            for minute in range(3):
                kinesis.put("oslo", answer(minute))
                kinesis.faults.append("ExpiredIteratorException")
                opened_consumer.work()
        assert len(pending()) == 3
        assert not kinesis.faults

    def test_a_throttled_stream_is_asked_again(self, kinesis: Kinesis, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(consumer, "LONGEST_PAUSE_SECONDS", 0.01)
        kinesis.create()
        kinesis.put("oslo", answer())
        kinesis.faults.extend(["ProvisionedThroughputExceededException"] * 3)
        kinesis.consume()
        assert len(pending()) == 1
        assert sum("AWS is busy with the stream weather" in told for told in kinesis.told) == 3

    def test_a_busy_shard_keeps_no_other_waiting(self, kinesis: Kinesis) -> None:
        kinesis.create(shards=2)
        kinesis.put("oslo", answer(), hash_key=1)
        kinesis.put("bergen", answer(), hash_key=2**127 + 1)
        kinesis.busy.add("shardId-000000000000")
        with kinesis.opened() as opened_consumer:
            assert not opened_consumer.work()
            assert [path.name.split("-")[1] for path in pending()] == ["bergen"]
            kinesis.busy.clear()
            opened_consumer.work()
        assert len(pending()) == 2

    def test_one_that_stays_busy_ends_a_bounded_run_with_its_reason(self, kinesis: Kinesis, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(consumer, "LONGEST_PAUSE_SECONDS", 0.01)
        kinesis.create()
        kinesis.busy.add("shardId-000000000000")
        with pytest.raises(TransientError, match=r"busy with the stream weather .*Rate exceeded"):
            kinesis.consume()

    def test_poison_is_quarantined_with_its_place_in_the_stream_and_stops_nobody(self, kinesis: Kinesis, weather: Pipeline) -> None:
        kinesis.create()
        bodies = {
            "torn": ("oslo", b'{"data": {'),
            "aggregated": ("oslo", bytes.fromhex("f3899ac2") + b"\x0a\x04oslo" + bytes(16)),
            "a web page": ("oslo", b"<html>"),
            "too cold": ("oslo", json.dumps(answer(1, temperature=-300)).encode()),
            "no place": ("../New York\n", json.dumps(answer(2)).encode()),
            "a long key": ("k" * 256, json.dumps(answer(3)).encode()),
        }
        put = {what: kinesis.put(*record) for what, record in bodies.items()}
        kinesis.put("oslo", b"")
        kinesis.put("oslo", answer(4))
        kinesis.consume()
        process(weather)
        found = {str(name).partition("@")[2]: reason for name, reason in weather.sql("SELECT landing_file, reason FROM quarantine.weather")}
        assert found.keys() == {f"{NAME}@{place}" for place in put.values()}
        reasons = {what: str(found[f"{NAME}@{place}"]) for what, place in put.items()}
        assert reasons["too cold"] == "colder than absolute zero"
        assert "`place`" in reasons["no place"] and "`place`" in reasons["a long key"]
        assert all("cannot be read" in reasons[what] for what in ("torn", "aggregated", "a web page"))
        assert places(weather) == {"oslo": 1}
        assert weather.sql("SELECT count(*), count(*) FILTER (bytes = 0) FROM landing.weather") == [(8, 1)]
        assert weather.status().balanced
        assert any("6 files will be in quarantine" in told for told in kinesis.told)

    def test_keys_of_strangers_do_not_fill_the_checkpoint(self, kinesis: Kinesis, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(checkpoint, "KEYS_REMEMBERED", 2)
        kinesis.create()
        for number in range(4):
            kinesis.put(f"place{number}", answer())
        kinesis.consume()
        kept = json.loads((environment.read().landing / "weather" / "streams" / f"{NAME}.json").read_text())
        assert list(kept["latest"]) == ["place2", "place3"]


class TestSettings:
    def test_a_stream_that_is_not_there_is_told_with_the_way_out(self, kinesis: Kinesis) -> None:
        with pytest.raises(ConfigurationError, match=r"the stream weather .*name and at the region"):
            kinesis.consume()

    @pytest.mark.usefixtures("kinesis")
    def test_so_it_is_to_the_producer(self, tmp_path: Path) -> None:
        (tmp_path / "body").write_bytes(b"{}")
        with pytest.raises(ConfigurationError, match=r"the stream weather .*name and at the region"):
            Stream(NAME).put("oslo", tmp_path / "body")

    @pytest.mark.usefixtures("aws")
    def test_no_region_and_a_stream_that_is_away(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG002 - set
        monkeypatch.setattr(consumer, "LONGEST_PAUSE_SECONDS", 0.01)
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        with pytest.raises(TransientError, match="the stream weather cannot be reached"):
            consumer.consume(environment.read(), NAME, print, until_caught_up=True)
        monkeypatch.delenv("AWS_DEFAULT_REGION")
        with pytest.raises(ConfigurationError, match="AWS_DEFAULT_REGION"):
            consumer.consume(environment.read(), NAME, print, until_caught_up=True)

    @pytest.mark.parametrize("code", ["InvalidSignatureException", "UnrecognizedClientException", "AccessDeniedException"])
    def test_a_wrong_secret_or_missing_right_is_one_of_credentials(self, code: str) -> None:
        assert "credentials" in str(shared.refusal("the stream weather", {"Code": code}))
        assert isinstance(shared.refusal("the stream weather", {"Code": code}), ConfigurationError)

    def test_an_answer_that_is_too_large_for_a_record_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "body").write_bytes(bytes(1 << 20))
        with pytest.raises(Exception, match="more than a record of Kinesis may have"):
            Stream(NAME).put("oslo", tmp_path / "body")

    def test_the_command_consumes_weather_alone(self, kinesis: Kinesis) -> None:
        kinesis.create()
        kinesis.put("oslo", answer())
        done = CliRunner().invoke(app, ["consume-kinesis", "weather", "--stream", NAME, "--until-caught-up"])
        assert done.exit_code == 0, done.output
        assert len(pending()) == 1
        assert isinstance(CliRunner().invoke(app, ["consume-kinesis", "payments"]).exception, UsageError)
