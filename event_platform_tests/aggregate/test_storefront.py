"""Sessions and the funnel equal what all of history computed at once gives, however the page views came."""

import shutil
import tempfile
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from event_platform.engines.duckdb import connect
from event_platform.environment import Environment
from event_platform.lake.catalog import Lake
from event_platform_tests.aggregate.shop import FUNNEL, MIDNIGHT, SESSION, SESSIONS, Shop, View, sessions_of

DAY = 24 * 60
FIRST, SECOND, THIRD, FOURTH = (date(2026, 3, number) for number in (1, 2, 3, 4))


@pytest.fixture
def shop(home: Path) -> Iterator[Shop]:
    environment = Environment(home)
    with connect(environment) as duck:
        yield Shop(Lake(environment), duck)


def visit(first_minute: float, last_minute: float, cookie: str = "c", every: float = 30) -> list[View]:
    """Views at that pace, the last one included."""
    count = int((last_minute - first_minute) // every) + 1
    return [View(cookie, first_minute + every * number, f"{cookie}{first_minute + every * number:g}") for number in range(count)]


def as_told(shop: Shop, *days: date) -> None:
    """The sessions of the days (default: all) are those of all of history computed at once."""
    told, found = ([session for session in each if not days or session[0] in days] for each in (sessions_of(shop.views.values()), shop.rows(SESSION)))
    assert found == told


def test_thirty_minutes_are_one_session_and_a_microsecond_more_are_two(shop: Shop) -> None:
    shop.take_in(View("c", 0, "a"), View("c", 30, "b"), View("c", 60 + 1e-6 / 60, "d"))
    shop.aggregate()
    assert shop.rows("session_id, pages, ended_at - started_at") == [("a", 2, timedelta(minutes=30)), ("d", 1, timedelta(0))]


def test_each_cookie_has_sessions_of_its_own(shop: Shop) -> None:
    shop.take_in(View("c", 0, "a"), View("d", 1, "b"), View("c", 2, "e"))
    shop.aggregate()
    assert shop.rows("cookie_id, pages") == [("c", 2), ("d", 1)]


def test_a_session_tells_how_it_began_and_whether_it_converted(shop: Shop) -> None:
    pages = ["/product_b", "/cart", "/payment", "/confirmation", "/confirmation"]
    shop.take_in(*(View("c", 10 + number, f"{number}", page, None if number == 0 else "bing") for number, page in enumerate(pages)))
    shop.aggregate()
    told = shop.rows("landing_page, utm_source, device_type, saw_product, saw_cart, saw_payment, converted, converted_at")
    assert told == [("/product_b", None, "Mobile", True, True, True, True, MIDNIGHT + timedelta(minutes=13))]


def test_views_of_the_same_moment_are_ordered_by_id(shop: Shop) -> None:
    shop.take_in(View("c", 5, "b", "/cart"), View("c", 5, "a", "/home"))
    shop.aggregate()
    assert shop.rows("session_id, landing_page, pages") == [("a", "/home", 2)]


def test_a_session_over_midnight_is_one_on_the_date_it_began(shop: Shop) -> None:
    shop.take_in(*visit(DAY - 20, DAY + 40, every=20))
    shop.aggregate()
    assert shop.rows("event_date, pages") == [(FIRST, 4)]


def test_a_session_may_span_several_midnights(shop: Shop) -> None:
    shop.take_in(*visit(DAY - 20, 3 * DAY + 40))
    shop.aggregate()
    assert shop.rows("event_date, ended_at") == [(FIRST, MIDNIGHT + timedelta(minutes=3 * DAY + 40))]


def test_a_bridge_joins_a_session_to_one_that_goes_on_for_days(shop: Shop) -> None:
    shop.take_in(View("c", DAY - 45, "early"), *visit(DAY + 10, 3 * DAY + 40))
    shop.aggregate()
    assert len(shop.rows()) == 2
    shop.take_in(View("c", DAY - 20, "bridge"))
    shop.aggregate()
    assert shop.rows("event_date, session_id, ended_at") == [(FIRST, "early", MIDNIGHT + timedelta(minutes=3 * DAY + 40))]
    as_told(shop)


def test_a_backfill_of_one_date_reads_its_sessions_to_their_end_and_leaves_no_orphan(shop: Shop) -> None:
    """Nothing is known beforehand of how far they reach, so answers are written several times."""
    shop.take_in(*visit(DAY - 20, 3 * DAY + 40))
    assert shop.backfill(FIRST) == {FIRST}
    as_told(shop)
    sessions = shop.lake.open(SESSIONS.table)
    on_disk = {str(path) for path in (Path(sessions.iceberg.location()) / "data").rglob("*.parquet")}
    assert on_disk == {file.file_path for file in sessions.files()}


def test_a_late_view_merges_two_sessions_of_different_dates(shop: Shop) -> None:
    shop.take_in(View("c", DAY - 20, "a"), View("c", DAY + 25, "b"))
    shop.aggregate()
    assert [row[-1] for row in shop.rows()] == [1, 1]
    shop.take_in(View("c", DAY + 1, "late"))
    assert shop.aggregate() == {FIRST, SECOND}
    assert shop.rows("event_date, session_id, pages") == [(FIRST, "a", 3)]


@pytest.mark.parametrize("midnights", [1, 2])
def test_a_view_that_vanishes_splits_a_session_and_the_rest_begins_where_it_is(shop: Shop, midnights: int) -> None:
    """The rest may begin on the date after the one that lost a view, which itself has not changed."""
    shop.take_in(*visit(DAY - 20, midnights * DAY + 10))
    shop.aggregate()
    bridge = max((view for view in shop.views.values() if view.minute < midnights * DAY), key=lambda view: view.minute)
    shop.take_in(lose=[bridge.event_id])
    shop.aggregate()
    as_told(shop)
    assert date(2026, 3, midnights + 1) in {row[0] for row in shop.rows("event_date")}


def test_a_newer_version_that_moves_a_view_away_changes_both_dates(shop: Shop) -> None:
    shop.take_in(View("c", DAY - 10, "a"), View("c", DAY + 10, "b"), View("c", DAY + 30, "d"))
    shop.aggregate()
    shop.take_in(View("c", 3 * DAY, "b"))
    shop.aggregate()
    assert shop.rows("event_date, session_id, pages") == [(FIRST, "a", 1), (SECOND, "d", 1), (FOURTH, "b", 1)]


def test_a_session_of_the_night_before_is_not_begun_anew_where_its_date_is_recomputed_for_another(shop: Shop) -> None:
    """The second date is recomputed since d reaches the third; c came over from the first, which is not."""
    shop.take_in(*visit(DAY - 10, DAY + 10, "c", 20), *visit(2 * DAY - 10, 2 * DAY + 10, "d", 20))
    shop.aggregate()
    shop.take_in(View("d", 2 * DAY + 20, "more"))
    assert shop.aggregate() == {SECOND, THIRD}
    assert shop.rows("event_date, cookie_id, pages") == [(FIRST, "c", 2), (SECOND, "d", 3)]


def test_a_date_that_lost_all_its_views_has_no_session(shop: Shop) -> None:
    shop.take_in(View("c", 0, "a"), View("d", DAY, "b"))
    shop.aggregate()
    shop.take_in(lose=["b"])
    shop.aggregate()
    assert shop.rows("session_id") == [("a",)]


def test_only_touched_dates_and_what_reaches_them_are_recomputed(shop: Shop) -> None:
    shop.take_in(*(View("c", number * DAY + 600, f"{number}") for number in range(10)), *visit(6 * DAY - 20, 6 * DAY + 5, "night", 25))
    assert shop.aggregate() == {date(2026, 3, number) for number in range(1, 11)}
    shop.take_in(View("d", 2 * DAY + 100, "x"))
    assert shop.aggregate() == {date(2026, 3, 3), date(2026, 3, 4)}
    shop.take_in(View("d", 6 * DAY + 100, "y"))
    assert shop.aggregate() == {date(2026, 3, 6), date(2026, 3, 7), date(2026, 3, 8)}
    assert shop.aggregate() == frozenset()
    as_told(shop)


def test_untouched_dates_keep_their_files(shop: Shop) -> None:
    shop.take_in(*(View("c", number * DAY + 600, f"{number}") for number in range(4)))
    shop.aggregate()
    before = {file.file_path for file in shop.lake.open(SESSIONS.table).files()}
    shop.take_in(View("d", 3 * DAY + 700, "x"))
    shop.aggregate()
    assert len(before & {file.file_path for file in shop.lake.open(SESSIONS.table).files()}) == 3


def test_answers_and_what_they_consumed_are_one_commit(shop: Shop) -> None:
    shop.take_in(View("c", 0, "a"))
    sequence = shop.lake.open(SESSIONS.table).sequence
    shop.aggregate()
    sessions = shop.lake.open(SESSIONS.table)
    assert (sessions.sequence, sessions.consumed("trusted.storefront")) == (sequence + 1, shop.lake.open(SESSIONS.upstream).sequence)


def test_the_funnel_counts_sessions_by_where_they_came_from(shop: Shop) -> None:
    shop.take_in(
        *(
            View("buyer", 10 + number, f"b{number}", page)
            for number, page in enumerate(["/home", "/product_a", "/cart", "/payment", "/confirmation"])
        ),
        *(View("looker", 10 + number, f"l{number}", page) for number, page in enumerate(["/product_b", "/home"])),
        View("stranger", 10, "s", source=None),
    )
    shop.aggregate()
    assert shop.aggregate(FUNNEL) == {FIRST}
    counts = "utm_source, sessions, product_sessions, cart_sessions, payment_sessions, confirmation_sessions, conversion_rate"
    assert shop.rows(counts, FUNNEL) == [("google", 2, 2, 1, 1, 1, 0.5), (None, 1, 0, 0, 0, 0, 0.0)]


def test_the_funnel_follows_sessions_that_moved_to_another_date(shop: Shop) -> None:
    shop.take_in(View("c", DAY + 20, "a"))
    shop.aggregate()
    shop.aggregate(FUNNEL)
    shop.take_in(View("c", DAY - 5, "earlier"))
    shop.aggregate()
    assert shop.aggregate(FUNNEL) == {FIRST, SECOND}
    assert shop.rows("event_date, sessions", FUNNEL) == [(FIRST, 1)]


def test_an_aggregate_new_to_a_lake_whose_old_snapshots_are_gone_is_computed_for_every_date(shop: Shop) -> None:
    shop.take_in(View("c", 0, "a"))
    shop.take_in(View("c", DAY, "b"))
    trusted = shop.lake.open(SESSIONS.upstream).iceberg
    oldest = min(trusted.snapshots(), key=lambda snapshot: snapshot.sequence_number or 0)
    trusted.maintenance.expire_snapshots().by_id(oldest.snapshot_id).commit()
    assert shop.aggregate() == {FIRST, SECOND}


NIGHTS = st.builds(lambda night, quarters: night * DAY + 15 * quarters, st.integers(1, 2), st.integers(-3, 3))
"""Around midnight, in quarters of an hour: two such minutes are often just near enough, or just not."""


@st.composite
def writes(draw: st.DrawFn) -> list[tuple[list[View], list[str], str]]:
    """What comes (views, of which some are newer versions of earlier ones, and long visits), what vanishes, and what is then done."""
    some_view = st.builds(
        View,
        cookie=st.sampled_from("ccd"),
        minute=NIGHTS,
        event_id=st.sampled_from([f"e{number}" for number in range(12)]),
        page=st.sampled_from(["/home", "/product_a", "/confirmation"]),
        source=st.sampled_from(["google", None]),
    )
    single = st.lists(some_view, min_size=1, max_size=1)
    long_visit = st.builds(lambda begin, last: visit(begin, begin + last, "c"), NIGHTS, st.integers(10, 60 * 50))
    some = st.one_of(st.lists(some_view, min_size=1, max_size=6), single, single, single, long_visit)
    then = st.sampled_from(["aggregate", "aggregate", "aggregate", "wait", "backfill"])
    known: dict[str, View] = {}
    steps = []
    for views, what in draw(st.lists(st.tuples(some, then), min_size=4, max_size=9)):
        of_the_night = sorted(name for name, view in known.items() if abs((view.minute + DAY / 2) % DAY - DAY / 2) <= 45)
        lost = draw(st.lists(st.sampled_from(of_the_night), max_size=2, unique=True)) if of_the_night else []
        came = {view.event_id: view for view in views if view.event_id not in lost}
        known = {name: view for name, view in (known | came).items() if name not in lost}
        steps.append((list(came.values()), lost, what))
    return steps


@settings(max_examples=20)
@given(writes())
def test_any_arrivals_give_what_all_of_history_at_once_gives(steps: list[tuple[list[View], list[str], str]]) -> None:
    home = Path(tempfile.mkdtemp())
    try:
        environment = Environment(home)
        with connect(environment) as duck:
            shop = Shop(Lake(environment), duck)
            for views, lost, then in steps:
                if views or lost:
                    shop.take_in(*views, lose=lost)
                if then == "aggregate":
                    shop.aggregate()
                    as_told(shop)
                elif then == "backfill":
                    shop.backfill(SECOND, THIRD)
                    as_told(shop, SECOND, THIRD)
            shop.aggregate()
            as_told(shop)
    finally:
        shutil.rmtree(home)
