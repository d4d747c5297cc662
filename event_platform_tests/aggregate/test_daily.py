"""What is recomputed when."""

from datetime import date, timedelta

from event_platform import tables
from event_platform.aggregate.daily import aggregate_pending
from event_platform.aggregate.expiry import is_behind
from event_platform.aggregate.payments_daily import AGGREGATE
from event_platform.lake.maintenance import compact, expire
from event_platform.trusted.merge import merge_pending
from event_platform_tests.conftest import Event, LakeAtHand


def test_an_aggregate_that_is_new_is_made_of_a_table_that_has_forgotten_how_it_came_to_be(at_hand: LakeAtHand) -> None:
    for number in range(4):
        at_hand.stage([Event(str(number), "2026-03-01T12:00:00")])
        merge_pending(at_hand.lake, at_hand.source, at_hand.duck, "test")
    trusted = at_hand.lake.open(tables.trusted(at_hand.source))
    compact(trusted, at_hand.duck, "test")
    expire(trusted, timedelta(seconds=-1), needed_since=2**62)
    assert is_behind(at_hand.lake, trusted, [AGGREGATE])
    assert aggregate_pending(at_hand.lake, AGGREGATE, at_hand.duck, "test") == {date(2026, 3, 1)}
    answers = at_hand.lake.open(AGGREGATE.table)
    assert at_hand.duck.execute(f"SELECT sum(events) FROM ({answers.select()})").fetchall() == [(4,)]
    assert not is_behind(at_hand.lake, trusted, [AGGREGATE])
    assert aggregate_pending(at_hand.lake, AGGREGATE, at_hand.duck, "test") == frozenset()


def test_dates_of_a_write_that_somebody_made_trusted_forget_are_recomputed(at_hand: LakeAtHand) -> None:
    for day in (1, 2, 3):
        at_hand.stage([Event(str(day), f"2026-03-0{day}T12:00:00")])
        merge_pending(at_hand.lake, at_hand.source, at_hand.duck, "test")
        if day == 1:
            aggregate_pending(at_hand.lake, AGGREGATE, at_hand.duck, "test")
    expire(at_hand.lake.open(tables.trusted(at_hand.source)), timedelta(seconds=-1), needed_since=2**62)
    assert aggregate_pending(at_hand.lake, AGGREGATE, at_hand.duck, "test") == {date(2026, 3, day) for day in (1, 2, 3)}
    answers = at_hand.lake.open(AGGREGATE.table)
    assert at_hand.duck.execute(f"SELECT sum(events) FROM ({answers.select()})").fetchall() == [(3,)]
    assert aggregate_pending(at_hand.lake, AGGREGATE, at_hand.duck, "test") == frozenset()
