"""Observations in, mail out: what is told, once, in order, whatever the order of arrival and whether the mail server is there."""

import io
import logging
from collections.abc import Iterator
from datetime import timedelta

import pytest

from event_platform.alerts import channels
from event_platform.alerts.log import TABLE, next_due
from event_platform_tests.alerts.conftest import GALE, NOON, MailServer, Weather, minutes


def test_a_breach_is_told_once_and_its_end_once(weather: Weather, mail: MailServer) -> None:
    weather.configure()
    for number, speed in enumerate((10, 21, 25, 16, 14, 13)):
        weather.gust(minutes(number), speed)
        weather.round(minutes(number))
    assert mail.texts == [
        "gale: oslo wind_gust_m_per_s 21, above 20, at 2026-03-10 12:01 UTC",
        "gale: oslo wind_gust_m_per_s 14, back below 15, at 2026-03-10 12:04 UTC",
    ]
    assert mail.titles == ["gale: oslo breach", "gale: oslo is over"]
    assert weather.log() == [
        ("breach", minutes(1), 21.0, "duty", "due", 0),
        ("breach", minutes(1), 21.0, "duty", "sent", 1),
        ("recovery", minutes(4), 14.0, "duty", "due", 0),
        ("recovery", minutes(4), 14.0, "duty", "sent", 1),
    ]


def test_a_round_without_news_says_and_writes_nothing(weather: Weather, mail: MailServer) -> None:
    weather.configure()
    weather.gust(NOON, 30)
    weather.round(NOON)
    before = weather.lake.open(TABLE).iceberg.metadata_location
    done = weather.round(minutes(1))
    assert (done.found, done.tried, len(mail.received)) == ([], [], 1)
    assert weather.lake.open(TABLE).iceberg.metadata_location == before


def test_without_configuration_nothing_happens(weather: Weather, mail: MailServer) -> None:
    weather.gust(NOON, 30)
    weather.round(NOON)
    assert (mail.received, weather.log()) == ([], [])


@pytest.mark.usefixtures("mail")
def test_an_old_observation_raises_nothing(weather: Weather) -> None:
    weather.configure("max_age_minutes = 60\n" + GALE)
    weather.gust(minutes(-61), 30)
    weather.round(NOON)
    weather.gust(minutes(-59), 31)
    weather.round(NOON)
    assert weather.told() == [("breach", minutes(-59))]


def test_an_observation_that_comes_after_a_newer_one_of_its_place_raises_nothing(weather: Weather, mail: MailServer) -> None:
    weather.configure()
    weather.gust(minutes(0), 10)
    weather.round(minutes(0))
    weather.gust(minutes(-5), 30)
    weather.gust(minutes(-5), 30, place="bergen")
    weather.round(minutes(1))
    assert mail.titles == ["gale: bergen breach"]


def test_an_observation_ahead_of_the_clock_waits_for_its_time_and_silences_nothing(weather: Weather, mail: MailServer) -> None:
    weather.configure()
    weather.gust(minutes(60), 30)
    weather.round(NOON)
    assert mail.received == []
    weather.gust(minutes(1), 22)
    weather.gust(minutes(2), 3)
    weather.round(minutes(2))
    weather.round(minutes(60))
    assert weather.told() == [("breach", minutes(1)), ("recovery", minutes(2)), ("breach", minutes(60))]


@pytest.mark.usefixtures("mail")
def test_a_batch_is_looked_at_in_the_order_of_time(weather: Weather) -> None:
    weather.configure()
    weather.observe(*(("oslo", minutes(at), {"wind_gust_m_per_s": speed}) for at, speed in ((3, 10), (1, 30), (2, 31))))
    weather.round(minutes(3))
    assert weather.told() == [("breach", minutes(1)), ("recovery", minutes(3))]


def test_a_derivation_of_trusted_anew_raises_nothing_again(weather: Weather, mail: MailServer) -> None:
    from event_platform.engines.duckdb import connect
    from event_platform.trusted.merge import rebuild_dates
    from event_platform_tests.alerts.conftest import WEATHER

    weather.configure()
    weather.gust(NOON, 30)
    weather.round(NOON)
    with connect(weather.lake.environment) as duck:
        rebuild_dates(weather.lake, WEATHER, duck, "again", [NOON.date()])
    weather.round(minutes(1))
    assert len(mail.received) == 1


@pytest.mark.usefixtures("mail")
def test_a_missing_value_says_nothing(weather: Weather) -> None:
    weather.configure()
    weather.gust(NOON, 30)
    weather.gust(minutes(1), None)
    weather.gust(minutes(2), 30)
    weather.round(minutes(2))
    assert weather.told() == [("breach", NOON)]


ANY_COLUMN = """
[recipients.duty]
address_from = "DUTY_URL"
[[rules]]
name = "frost"
column = "temperature_celsius"
below = 0
clear = 2
places = ["oslo"]
recipients = ["duty"]
[[rules]]
name = "low sun"
column = "uv_index"
above = 7
recipients = ["duty"]
[[rules]]
name = "storm code"
column = "weather_code"
above = 7999
recipients = ["duty"]
"""


def test_rules_look_at_any_number_above_or_below_at_the_places_they_name(weather: Weather, mail: MailServer) -> None:
    weather.configure(ANY_COLUMN)
    values: dict[str, object] = {"temperature_celsius": -0.5, "uv_index": 8.0, "weather_code": 8000}
    weather.observe(("oslo", NOON, values), ("bergen", NOON, values | {"uv_index": 7.0}))
    weather.round(NOON)
    assert sorted(mail.titles) == ["frost: oslo breach", "low sun: oslo breach", "storm code: bergen breach", "storm code: oslo breach"]
    weather.observe(("oslo", minutes(1), {"temperature_celsius": 1.0}), ("oslo", minutes(2), {"temperature_celsius": 2.0}))
    weather.round(minutes(2))
    assert mail.texts[-1] == "frost: oslo temperature_celsius 2, back to 2, at 2026-03-10 12:02 UTC"


QUIET = GALE.replace('address_from = "DUTY_URL"', 'address_from = "DUTY_URL"\ntime_zone = "Europe/Oslo"\nquiet_from = "22:00"\nquiet_until = "07:00"')


def test_in_quiet_hours_messages_are_gathered_and_sent_together_when_they_end(weather: Weather, mail: MailServer) -> None:
    weather.configure(QUIET)
    night = NOON.replace(hour=21)  # 22:00 in Oslo
    for number, speed in enumerate((25, 10)):
        weather.gust(night + timedelta(minutes=number), speed)
        weather.round(night + timedelta(minutes=number))
    morning = night.replace(day=11, hour=6)  # 07:00 in Oslo
    weather.round(morning - timedelta(minutes=1))
    assert (mail.received, next_due(weather.lake)) == ([], morning)
    weather.round(morning)
    (text,) = mail.texts
    assert [line.split(",")[0] for line in text.splitlines()] == ["gale: oslo wind_gust_m_per_s 25", "gale: oslo wind_gust_m_per_s 10"]
    assert "21:00 UTC (22:00 Europe/Oslo)" in text
    assert next_due(weather.lake) is None


SET_TIME = GALE.replace('address_from = "DUTY_URL"', 'address_from = "DUTY_URL"\ntime_zone = "Europe/Oslo"\ndeliver_at = ["21:55"]')
SPAN = 'quiet_from = "22:00"\nquiet_until = "07:00"\n'


@pytest.mark.parametrize(
    "quiet", [SET_TIME.replace("deliver_at", f"{SPAN}deliver_at"), f'{SET_TIME}\n[places.oslo]\ntime_zone = "Europe/Oslo"\n{SPAN}']
)
def test_a_round_that_comes_late_and_in_quiet_hours_waits_for_their_end(weather: Weather, mail: MailServer, quiet: str) -> None:
    weather.configure(quiet)
    weather.gust(NOON, 25)
    weather.round(NOON)
    late, morning = NOON.replace(hour=22), NOON.replace(day=11, hour=6)  # 23:00 and 07:00 in Oslo
    weather.round(late)
    assert (mail.received, next_due(weather.lake)) == ([], morning)
    before = weather.lake.open(TABLE).iceberg.metadata_location
    weather.round(late + timedelta(minutes=1))
    assert weather.lake.open(TABLE).iceberg.metadata_location == before
    weather.round(morning)
    assert mail.titles == ["gale: oslo breach"]
    assert weather.log("state, attempt") == [("due", 0), ("sent", 1)]


def test_quiet_hours_that_fill_the_day_do_not_hold_a_message_for_ever(weather: Weather, mail: MailServer) -> None:
    weather.configure(
        SET_TIME.replace("deliver_at", f"{SPAN}deliver_at")
        + '\n[places.oslo]\ntime_zone = "Europe/Oslo"\nquiet_from = "07:00"\nquiet_until = "22:00"\n'
    )
    weather.gust(NOON, 25)
    for days in range(4):
        weather.round(NOON + timedelta(days=days))
    assert mail.titles == ["gale: oslo breach"]


def test_a_recipient_with_set_times_gets_one_message_at_each(weather: Weather, mail: MailServer) -> None:
    weather.configure(GALE.replace('address_from = "DUTY_URL"', 'address_from = "DUTY_URL"\ndeliver_at = ["18:00", "06:00"]'))
    weather.observe(*((place, NOON, {"wind_gust_m_per_s": 25.0}) for place in ("oslo", "bergen", "tromso")))
    weather.round(NOON)
    weather.round(NOON.replace(hour=17, minute=59))
    assert mail.received == []
    weather.round(NOON.replace(hour=18))
    assert mail.titles == ["3 weather alerts"]


def test_messages_wait_for_a_mail_server_that_is_away_and_come_in_order(weather: Weather, mail: MailServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "FIRST_PAUSE_SECONDS", 0.01)
    weather.configure()
    mail.stop()
    weather.gust(NOON, 30)
    weather.gust(minutes(1), 10)
    done = weather.round(minutes(1))
    assert [(entry.kind, entry.state) for entry in done.tried] == [("breach", "failed")]
    weather.round(minutes(1))
    assert weather.log("kind, state") == [("breach", "due"), ("breach", "failed"), ("recovery", "due")]
    mail.start()
    weather.round(minutes(1))
    assert mail.received == []  # the recovery does not overtake the breach, which pauses
    weather.round(minutes(10))
    assert mail.titles == ["gale: oslo breach", "gale: oslo is over"]
    assert [(kind, state) for kind, _, _, _, state, _ in weather.log() if state != "failed"] == [
        ("breach", "due"),
        ("breach", "sent"),
        ("recovery", "due"),
        ("recovery", "sent"),
    ]


def test_a_message_that_cannot_be_delivered_for_long_is_given_up(weather: Weather, mail: MailServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "TRIES", 1)
    weather.configure("give_up_after_hours = 2\n" + GALE)
    mail.stop()
    weather.gust(NOON, 30)
    for number in range(0, 180, 20):
        weather.round(minutes(number))
    states = [state for (state,) in weather.log("state")]
    assert (states[0], states[-1], set(states[1:-1])) == ("due", "given up", {"failed"})
    assert next_due(weather.lake) is None


@pytest.fixture
def root_log() -> Iterator[io.StringIO]:
    """What reaches the root logger, from any library, at any level."""
    written, root = io.StringIO(), logging.getLogger()
    handler = logging.StreamHandler(written)
    root.addHandler(handler)
    yield written
    root.removeHandler(handler)


@pytest.mark.parametrize("sender", ["&from=sender@example.com", ""], ids=["no-server", "unusable-address"])
def test_neither_log_nor_output_holds_the_address(
    sender: str, weather: Weather, mail: MailServer, monkeypatch: pytest.MonkeyPatch, root_log: io.StringIO, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(channels, "TRIES", 1)
    monkeypatch.setenv("DUTY_URL", f"mailto://someone:hunter2secret@127.0.0.1:{mail.port}/?mode=insecure{sender}&to=hidden.person@example.com")
    weather.configure()
    mail.stop()
    weather.gust(NOON, 30)
    weather.round(NOON)
    (error,) = [error for (error,) in weather.log("error") if error]
    seen = error + root_log.getvalue() + "".join(capfd.readouterr())
    assert [word for word in ("hunter2secret", "hidden.person", "example.com", "someone") if word in seen] == []
    assert "DUTY_URL" in error


def test_a_recipient_whose_address_is_not_set_keeps_nobody_else_from_being_told(weather: Weather, mail: MailServer) -> None:
    weather.configure(
        GALE.replace("[[rules]]", '[recipients.absent]\naddress_from = "NOT_SET_URL"\n[[rules]]').replace('["duty"]', '["absent", "duty"]')
    )
    weather.gust(NOON, 30)
    weather.round(NOON)
    assert len(mail.received) == 1
    assert [(recipient, state) for _, _, _, recipient, state, attempt in weather.log() if attempt] == [("absent", "failed"), ("duty", "sent")]
    assert any("NOT_SET_URL" in str(error) for (error,) in weather.log("error"))
