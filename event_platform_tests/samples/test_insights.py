"""A made-up day of insights: what was asked for, a smaller answer the beginning of a larger one."""

import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from event_platform.samples.apis import insights_api
from event_platform.samples.insights import records_of
from event_platform_tests.pulls.conftest import opened

DAY = date(2026, 1, 5)


@given(day=st.dates(date(2000, 1, 1), date(2060, 1, 1)), fewer=st.integers(0, 120), more=st.integers(0, 120))
@settings(max_examples=20)
def test_fewer_records_of_a_date_are_the_beginning_of_more(day: date, fewer: int, more: int) -> None:
    whole = json.loads(records_of(day, fewer + more))
    assert json.loads(records_of(day, fewer)) == whole[:fewer]
    assert len(whole) == fewer + more
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    for record in whole:
        assert record.keys() == {"username", "page", "event_name", "event_time"}
        assert midnight <= datetime.fromtimestamp(record["event_time"], UTC) < midnight + timedelta(days=1)


def test_dates_differ_and_hold_every_name_and_repeats() -> None:
    records = json.loads(records_of(DAY, 200))
    assert records != json.loads(records_of(DAY + timedelta(days=1), 200))
    assert Counter(record["event_name"] for record in records).keys() == {"click", "page_view", "submit"}
    assert records[48] == records[49]


QUERIES = ["", "date=2026-01-05", "count=3", "date=yesterday&count=3", "date=2026-01-05&count=-1", "date=2026-01-05&count=x"]


def test_the_api_refuses_what_it_does_not_understand() -> None:
    with opened(insights_api()) as url:
        assert [requests.get(f"{url}/records?{query}", timeout=10).status_code for query in QUERIES] == [400] * len(QUERIES)
