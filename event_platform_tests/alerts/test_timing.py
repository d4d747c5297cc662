"""When a message may go out, across midnight and across the days on which clocks change."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from event_platform.alerts.configuration import Hours, Recipient
from event_platform.alerts.timing import FIRST_PAUSE, LONGEST_PAUSE, after_quiet, due_at, next_set_time, next_try


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def hours(start: str, end: str, zone: str = "UTC") -> Hours:
    return Hours.model_validate({"time_zone": zone, "quiet_from": start, "quiet_until": end})


@pytest.mark.parametrize(
    ("span", "moment", "then"),
    [
        (("22:00", "07:00"), "2026-03-10T21:59:59", "2026-03-10T21:59:59"),
        (("22:00", "07:00"), "2026-03-10T22:00:00", "2026-03-11T07:00:00"),
        (("22:00", "07:00"), "2026-03-10T06:59:59", "2026-03-10T07:00:00"),
        (("22:00", "07:00"), "2026-03-10T07:00:00", "2026-03-10T07:00:00"),
        (("12:00", "13:00"), "2026-03-10T12:30:00", "2026-03-10T13:00:00"),
        (("12:00", "13:00"), "2026-03-10T22:30:00", "2026-03-10T22:30:00"),
        (("22:00", "07:00", "America/New_York"), "2026-03-10T03:00:00", "2026-03-10T11:00:00"),
    ],
)
def test_quiet_hours_are_half_open_local_and_may_pass_midnight(span: tuple[str, ...], moment: str, then: str) -> None:
    assert after_quiet([hours(*span)], at(moment)) == at(then)


def test_the_quiet_hours_of_recipient_and_place_are_waited_out_one_after_the_other() -> None:
    recipient = Recipient.model_validate({"address_from": "X", "quiet_from": "20:00", "quiet_until": "06:00"})
    assert due_at(recipient, hours("05:00", "08:00"), at("2026-03-10T23:00:00")) == at("2026-03-11T08:00:00")


def test_quiet_hours_that_fill_the_day_do_not_last_for_ever() -> None:
    moment = at("2026-03-10T23:00:00")
    assert after_quiet([hours("20:00", "08:00"), hours("08:00", "20:00")], moment) < moment + timedelta(days=3)


@pytest.mark.parametrize(
    ("clock", "now", "then"),
    [
        ("08:00", "2026-03-10T08:00:00", "2026-03-11T07:00:00"),  # 09:00 local by now
        ("08:00", "2026-03-10T07:00:00", "2026-03-10T07:00:00"),
        ("02:30", "2026-03-29T00:00:00", "2026-03-29T01:30:00"),  # skipped: clocks go from 02:00 to 03:00, so it is 03:30
        ("02:30", "2026-10-25T00:40:00", "2026-10-25T01:30:00"),  # twice: 00:30 and 01:30 UTC
    ],
)
def test_set_times_are_local_also_when_clocks_change(clock: str, now: str, then: str) -> None:
    assert next_set_time([time.fromisoformat(clock)], ZoneInfo("Europe/Oslo"), at(now)) == at(then)


@given(
    st.integers(0, 365 * 24 * 60).map(lambda number: at("2026-01-01T00:00:00") + timedelta(minutes=number)),
    st.times(),
    st.times(),
    st.sampled_from(["UTC", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
)
def test_what_comes_after_quiet_hours_is_not_before_and_not_within_them(moment: datetime, start: time, end: time, zone: str) -> None:
    start, end = start.replace(second=0, microsecond=0), end.replace(second=0, microsecond=0)
    if start == end:
        return
    quiet = hours(f"{start:%H:%M}", f"{end:%H:%M}", zone)
    then = after_quiet([quiet], moment)
    local = then.astimezone(quiet.time_zone).time()
    within = start <= local < end if start < end else local >= start or local < end
    assert moment <= then <= moment + timedelta(hours=25)
    assert not within


def test_pauses_double_up_to_the_longest_give_or_take_half() -> None:
    now = at("2026-03-10T12:00:00")
    for attempt in range(1, 30):
        pause = min(FIRST_PAUSE * 2 ** (attempt - 1), LONGEST_PAUSE)
        assert pause / 2 <= next_try(attempt, now) - now <= pause * 1.5
