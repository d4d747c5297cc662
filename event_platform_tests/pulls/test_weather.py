"""Polling: a file a response, each place for itself, within the plan, and the key told nowhere."""

import json
import logging
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from event_platform import environment, sources
from event_platform.errors import ConfigurationError, HeldBackError, PlatformError, UnavailableError
from event_platform.instance import open_instance
from event_platform.landing.waiting import pending_folder
from event_platform.pulls.budget import CallBudget
from event_platform.pulls.weather import budget_of, poll
from event_platform.samples.apis import weather_api
from event_platform_tests.pulls.conftest import opened
from event_platform_tests.pulls.servers import Script, answers, message, sends, serving

KEY = "k3y-of-the-plan"
NOON = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
RESPONSE = {"data": {"time": "2026-03-01T12:00:00Z", "values": {"temperature": 4.5}}, "location": {"lat": 60.17, "lon": 24.94}}


class Poller:
    """Polls as the settings say, at a time that the test sets; pauses are remembered, not made."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.pauses, self._monkeypatch = NOON.timestamp(), list[float](), monkeypatch
        monkeypatch.setenv("EVENT_PLATFORM_TOMORROW_API_KEY", KEY)
        monkeypatch.setenv("EVENT_PLATFORM_PULL_DEADLINE_SECONDS", "20")

    def __call__(self, url: str, places: str) -> tuple[list[str], list[str]]:
        """The places that landed, and those that did not."""
        self._monkeypatch.setenv("EVENT_PLATFORM_TOMORROW_URL", url)
        self._monkeypatch.setenv("EVENT_PLATFORM_WEATHER_PLACES", places)
        self.done, self.failed = poll(environment.read(), clock=lambda: self.now, sleep=self.pauses.append)
        return [pulled.what.rsplit("-", 1)[0] for pulled in self.done], [failed.what for failed in self.failed]

    def files(self) -> dict[str, bytes]:
        folder = pending_folder(environment.read(), sources.get("weather"))
        return {path.name: path.read_bytes() for path in sorted(folder.iterdir())} if folder.exists() else {}


@pytest.fixture
def poller(home: Path, weather_contract: Path, monkeypatch: pytest.MonkeyPatch) -> Poller:  # noqa: ARG001 - set the home and the contract
    return Poller(monkeypatch)


def places_asked(script: Script) -> list[str]:
    return [asked["location"] for asked in script.parameters()]


def test_each_response_is_a_file_byte_for_byte(poller: Poller) -> None:
    body = json.dumps(RESPONSE, indent=3).encode() + b"\r\n"
    with serving(answers(body)) as script:
        assert poller(script.url, "new-york=New York; office = 60.17,24.94") == (["new-york", "office"], [])
    assert poller.files() == {"weather-new-york-20260301T120030Z.json": body, "weather-office-20260301T120030Z.json": body}
    assert script.parameters() == [{"location": place, "units": "metric", "apikey": KEY} for place in ("New York", "60.17,24.94")]
    assert all(asked.startswith("/v4/weather/realtime?") for asked in script.asked)


@pytest.mark.parametrize(
    "trouble",
    [answers({"code": 400001}, "400 Bad Request"), answers(b"<html>"), answers([RESPONSE]), sends(message(b'{"data": {', Content_Length="900"))],
    ids=["refused", "a web page", "an array", "half a body"],
)
def test_a_place_that_fails_does_not_stop_the_others(poller: Poller, trouble: object) -> None:
    def step(connection: object) -> None:
        (trouble if "location=bad" in script.asked[-1] else answers(RESPONSE))(connection)  # type: ignore[operator]

    with serving(step) as script:
        assert poller(script.url, "a=x;b=bad;c=y") == (["a", "c"], ["b"])
    assert len(poller.files()) == 2


def test_the_time_that_a_429_names_is_kept_for_all_places_and_by_later_rounds(poller: Poller) -> None:
    with serving(answers(RESPONSE), answers({}, "429 Too Many Requests", Retry_After="1200"), answers(RESPONSE)) as script:
        assert poller(script.url, "a=x;b=y;c=z") == (["a"], ["b", "c"])
        assert places_asked(script) == ["x", "y"]
        assert isinstance(poller.failed[1].error, HeldBackError)
        assert "left alone until 2026-03-01 12:20:30 UTC" in str(poller.failed[1].error)
        poller.now += 1199 - 60  # a wait of more than a round's patience
        assert poller(script.url, "a=x;b=y;c=z") == ([], ["c", "a", "b"])
        assert len(script.asked) == 2
        poller.now += 62
        assert poller(script.url, "a=x;b=y;c=z") == (["c", "a", "b"], [])
    assert poller.pauses == []


def test_a_short_retry_after_is_waited_for(poller: Poller) -> None:
    with serving(answers({}, "429 Too Many Requests", Retry_After="3"), answers(RESPONSE)) as script:
        assert poller(script.url, "a=x") == (["a"], [])
    assert poller.pauses == [3.0]
    assert poller.done[0].attempts == 2


def test_the_plan_is_not_exceeded_and_serves_each_place_in_turn(poller: Poller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENT_PLATFORM_TOMORROW_CALLS_PER_HOUR", "2")
    places = "a=1;b=2;c=3"
    with serving(answers(RESPONSE)) as script:
        assert poller(script.url, places) == (["a", "b"], ["c"])
        poller.now += 1800
        assert poller(script.url, places) == ([], ["c", "a", "b"])
        poller.now += 1801
        assert poller(script.url, places) == (["c", "a"], ["b"])
        assert places_asked(script) == ["1", "2", "3", "1"]
    assert "2 calls an hour" in str(poller.failed[0].error)


def test_retries_count_as_calls(poller: Poller) -> None:
    with serving(answers({}, "500 Oops")) as script:
        assert poller(script.url, "a=x") == ([], ["a"])
        assert len(script.asked) == 3
    calls = json.loads(budget_of(environment.read()).path.read_text())
    assert [what for _, what in calls["made"]] == ["a", "a", "a"]


def test_the_key_is_told_nowhere(poller: Poller, home: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with serving(answers(RESPONSE), answers({"key": KEY}, "401 Unauthorized"), answers([KEY])) as script:
        poller(script.url, "a=x;b=y;c=z")
    told = [caplog.text, *map(str, [*poller.done, *poller.failed, environment.read()]), *(str(path) for path in home.rglob("*"))]
    assert all(KEY not in text for text in told)
    assert all(KEY.encode() not in path.read_bytes() for path in home.rglob("*") if path.is_file())


@pytest.mark.parametrize("missing", ["EVENT_PLATFORM_TOMORROW_API_KEY", "EVENT_PLATFORM_WEATHER_PLACES"])
def test_what_is_not_configured_is_named(poller: Poller, monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setenv("EVENT_PLATFORM_WEATHER_PLACES", "a=x")
    monkeypatch.delenv(missing)
    with pytest.raises(ConfigurationError, match=missing):
        poll(environment.read(), sleep=poller.pauses.append)


@pytest.mark.parametrize("places", ["a", "A=x", "a=", "=x", "a/b=x", "../a=x", "a=x;a=y", "a b=x"])
def test_places_that_are_none_are_refused(poller: Poller, places: str) -> None:
    with pytest.raises(ConfigurationError, match="EVENT_PLATFORM_WEATHER_PLACES"):
        poller("http://127.0.0.1:9", places)


@pytest.mark.parametrize("url", ["ftp://x", "x", "http://", "http://[", "http://u:secret@x:0", "http://x:y", "http://x/?apikey=secret", "//x"])
def test_addresses_that_are_none_are_refused_and_not_repeated(poller: Poller, url: str) -> None:
    with pytest.raises(ConfigurationError, match="EVENT_PLATFORM_TOMORROW_URL") as told:
        poller(url, "a=x")
    assert "secret" not in str(told.value)


def test_the_made_up_api_answers_in_the_real_shape_by_place_and_minute(poller: Poller) -> None:
    moments = [NOON]
    with opened(weather_api(lambda: moments[-1])) as url:
        for moment in (NOON, NOON.replace(second=59), NOON.replace(minute=1)):
            moments.append(moment)
            poller.now = moment.timestamp()
            assert poller(url, "a=Oslo;b=59.9,10.75") == (["a", "b"], [])
    found = poller.files()
    same, later = (found[f"weather-a-20260301T{time}Z.json"] for time in ("120059", "120130"))
    assert found["weather-a-20260301T120030Z.json"] == same != later
    named, point = json.loads(same), json.loads(found["weather-b-20260301T120059Z.json"])
    assert named["data"]["time"] == "2026-03-01T12:00:00Z"
    assert len(named["data"]["values"]) == 20
    assert {"temperature", "windSpeed", "windGust", "humidity", "weatherCode", "visibility"} <= named["data"]["values"].keys()
    assert (named["location"]["name"], point["location"]) == ("Oslo", {"lat": 59.9, "lon": 10.75})
    assert named["data"]["values"] != point["data"]["values"]


def test_the_made_up_api_wants_a_key() -> None:
    import requests

    with opened(weather_api()) as url:
        assert requests.get(f"{url}/v4/weather/realtime?location=Oslo", timeout=10).status_code == 401
        assert requests.get(f"{url}/v4/weather/realtime?apikey=k", timeout=10).status_code == 400
        assert requests.get(f"{url}/v4/weather/realtime?location=Oslo&apikey=k&units=imperial", timeout=10).status_code == 400


def test_a_round_is_a_materialization_also_when_a_place_failed(poller: Poller, monkeypatch: pytest.MonkeyPatch) -> None:
    from event_platform.pulls.assets import pull_assets

    asset = next(each for each in pull_assets() if each.key == dg.AssetKey(["api", "weather"]))
    monkeypatch.setenv("EVENT_PLATFORM_WEATHER_PLACES", "a=x;b=bad")
    with serving(answers(RESPONSE), answers({}, "400 Bad Request"), answers(RESPONSE)) as script, open_instance() as instance:
        monkeypatch.setenv("EVENT_PLATFORM_TOMORROW_URL", script.url)
        rounds = [dg.materialize([asset], instance=instance, raise_on_error=False) for _ in range(2)]
        records = instance.fetch_materializations(asset.key, limit=10).records
    assert [each.success for each in rounds] == [False, True]
    assert [record.asset_materialization.metadata["landed"].value for record in records] == [2, 1]
    assert len(poller.files()) == 3


def test_the_schedule_is_on_where_key_and_places_are_set(poller: Poller, monkeypatch: pytest.MonkeyPatch) -> None:
    from event_platform.pulls.assets import pull_schedules

    def schedule() -> dg.ScheduleDefinition:
        return next(each for each in pull_schedules() if each.name == "weather_poll")

    context = dg.build_schedule_context(scheduled_execution_time=NOON.replace(minute=15, second=0))
    assert schedule().default_status == dg.DefaultScheduleStatus.STOPPED
    assert "EVENT_PLATFORM_WEATHER_PLACES" in str(schedule().evaluate_tick(context).skip_message)
    monkeypatch.setenv("EVENT_PLATFORM_WEATHER_PLACES", "a=x")
    assert (schedule().default_status, schedule().cron_schedule) == (dg.DefaultScheduleStatus.RUNNING, "*/15 * * * *")
    assert len(schedule().evaluate_tick(context).run_requests or []) == 1
    assert poller.files() == {}


class TestBudget:
    def test_calls_leave_the_window_one_by_one(self, tmp_path: Path) -> None:
        now = [1_000_000.0]
        budget = CallBudget(tmp_path / "calls.json", per_hour=2, per_day=3, clock=lambda: now[-1])
        budget.take("a")
        now.append(now[-1] + 600)
        budget.take("b")
        with pytest.raises(HeldBackError) as told:
            budget.take("c")
        assert told.value.wait_seconds == 3000
        now.append(now[-1] + 3000)
        budget.take("c")
        now.append(now[-1] + 7200)
        with pytest.raises(HeldBackError) as told:
            budget.take("d")
        assert told.value.wait_seconds == 86_400 - 600 - 3000 - 7200

    def test_an_absurd_wish_is_kept_for_a_day(self, tmp_path: Path) -> None:
        budget = CallBudget(tmp_path / "calls.json", 1, 1, clock=lambda: 1_000_000.0)
        budget.leave_alone(1e30)
        with pytest.raises(HeldBackError, match="1970-01-13") as told:
            budget.take("a")
        assert told.value.wait_seconds == 86_400

    def test_a_clock_that_was_ahead_holds_nobody_back_for_longer_than_a_day(self, tmp_path: Path) -> None:
        now = [2_000_000_000.0]
        budget = CallBudget(tmp_path / "calls.json", per_hour=1, per_day=9, clock=lambda: now[-1])
        budget.take("a")
        budget.leave_alone(60)
        now.append(1_800_000_000.0)
        with pytest.raises(HeldBackError) as told:
            budget.take("b")
        assert told.value.wait_seconds == 86_400
        now.append(now[-1] + 86_400)
        budget.take("b")

    def test_a_damaged_count_starts_anew(self, tmp_path: Path) -> None:
        (tmp_path / "calls.json").write_text("{torn")
        CallBudget(tmp_path / "calls.json", 1, 1).take("a")
        with pytest.raises(HeldBackError):
            CallBudget(tmp_path / "calls.json", 1, 1).take("a")

    def test_those_who_call_at_once_share_one_count(self, tmp_path: Path) -> None:
        def try_to_take(number: int) -> bool:
            try:
                CallBudget(tmp_path / "calls.json", 5, 100).take(str(number))
            except UnavailableError:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(try_to_take, range(24))) == 5


def test_poll_every_asks_again_until_interrupted(home: Path, weather_contract: Path) -> None:
    def step(connection: object) -> None:
        (answers(RESPONSE) if len(script.asked) != 2 else answers({}, "400 Bad Request"))(connection)  # type: ignore[arg-type]
        rounds.release()

    rounds = threading.Semaphore(0)
    with serving(step) as script:
        surroundings = os.environ | {
            "EVENT_PLATFORM_HOME": str(home),
            "EVENT_PLATFORM_SOURCES": str(weather_contract),
            "EVENT_PLATFORM_TOMORROW_URL": script.url,
            "EVENT_PLATFORM_TOMORROW_API_KEY": KEY,
            "EVENT_PLATFORM_WEATHER_PLACES": "a=x",
            "EVENT_PLATFORM_TOMORROW_CALLS_PER_HOUR": "100",
        }
        command = [sys.executable, "-m", "event_platform.cli", "poll", "weather", "--every", "1"]
        poller = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=surroundings)
        assert all(rounds.acquire(timeout=60) for _ in range(3))
        poller.send_signal(signal.SIGINT)
        told = poller.communicate(timeout=60)[1]
    assert poller.returncode == 0
    assert "100" in told.splitlines()[0]  # the plan is too small for this, and it is said first
    assert "400 (Bad Request)" in told
    assert "Traceback" not in told and KEY not in told
    assert PlatformError.__name__ not in told
