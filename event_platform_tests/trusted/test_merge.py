"""Trusted holds each event once, in its latest version, however the versions arrive."""

import shutil
import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from event_platform import sources, tables
from event_platform.engines.duckdb import connect
from event_platform.environment import Environment
from event_platform.lake.catalog import Lake
from event_platform.lake.maintenance import expire
from event_platform.lake.table import Change
from event_platform.stage import seen
from event_platform.trusted.merge import merge_pending, rebuild_dates
from event_platform_tests.conftest import Event, LakeAtHand

NOON, LATER, NEXT_DAY = "2026-03-01T12:00:00", "2026-03-01T12:00:01", "2026-03-02T00:00:01"


def merge(at_hand: LakeAtHand) -> frozenset[date]:
    return merge_pending(at_hand.lake, at_hand.source, at_hand.duck, "run")


def rebuild(at_hand: LakeAtHand, *days: date) -> frozenset[date]:
    return rebuild_dates(at_hand.lake, at_hand.source, at_hand.duck, "run", days)


def ids(at_hand: LakeAtHand) -> list[tuple[object, ...]]:
    return at_hand.rows("trusted", "event_id, event_date, file_id, line_number")


def test_what_somebody_made_stage_forget_before_it_was_merged_is_merged_all_the_same(at_hand: LakeAtHand) -> None:
    for event in (Event("a", NOON), Event("b", NOON), Event("c", NEXT_DAY)):
        at_hand.stage([event])
        if event.event_id == "a":
            merge(at_hand)
    expire(at_hand.lake.open(tables.stage(at_hand.source)), timedelta(seconds=-1), needed_since=2**62)
    assert merge(at_hand) == {date(2026, 3, 1), date(2026, 3, 2)}
    assert [event_id for event_id, *_ in ids(at_hand)] == ["a", "b", "c"]
    assert merge(at_hand) == frozenset()


def test_newest_version_wins_within_a_file(at_hand: LakeAtHand) -> None:
    at_hand.stage([Event("a", LATER), Event("a", NOON)])
    assert merge(at_hand) == {date(2026, 3, 1)}
    assert ids(at_hand) == [("a", date(2026, 3, 1), 1, 1)]


def test_same_time_goes_to_the_later_line_then_to_the_later_file(at_hand: LakeAtHand) -> None:
    at_hand.stage([Event("a", NOON), Event("a", NOON)])
    merge(at_hand)
    assert ids(at_hand) == [("a", date(2026, 3, 1), 1, 2)]
    at_hand.stage([Event("a", NOON)])
    merge(at_hand)
    assert ids(at_hand) == [("a", date(2026, 3, 1), 2, 1)]


def test_an_event_that_moves_to_another_date_leaves_the_old_one(at_hand: LakeAtHand) -> None:
    at_hand.stage([Event("a", NOON), Event("b", NOON)])
    merge(at_hand)
    at_hand.stage([Event("a", NEXT_DAY)])
    assert merge(at_hand) == {date(2026, 3, 1), date(2026, 3, 2)}
    assert ids(at_hand) == [("a", date(2026, 3, 2), 2, 1), ("b", date(2026, 3, 1), 1, 2)]


def test_a_late_older_version_changes_nothing(at_hand: LakeAtHand) -> None:
    at_hand.stage([Event("a", NEXT_DAY)])
    merge(at_hand)
    files = {file.file_path for file in at_hand.lake.open(tables.trusted(at_hand.source)).files()}
    at_hand.stage([Event("a", NOON)])
    assert merge(at_hand) == frozenset()
    assert {file.file_path for file in at_hand.lake.open(tables.trusted(at_hand.source)).files()} == files


def test_an_arrival_rewrites_only_files_that_hold_what_it_outdates(at_hand: LakeAtHand) -> None:
    at_hand.stage([Event("a", NOON, kind="created"), Event("b", NOON, kind="closed"), Event("c", NEXT_DAY)])
    merge(at_hand)
    before = {file.file_path for file in at_hand.lake.open(tables.trusted(at_hand.source)).files()}
    at_hand.stage([Event("a", LATER, kind="created")])
    merge(at_hand)
    after = {file.file_path for file in at_hand.lake.open(tables.trusted(at_hand.source)).files()}
    assert len(before) == 3
    assert len(before & after) == 2


def test_older_versions_are_found_after_duckdb_came_to_hash_otherwise(at_hand: LakeAtHand, monkeypatch: pytest.MonkeyPatch) -> None:
    at_hand.stage([Event("a", "2026-03-01T10:00:00"), Event("b", "2026-03-01T10:00:00")])
    merge(at_hand)
    monkeypatch.setattr(seen, "PROBE", "SELECT 7")
    monkeypatch.setattr(seen, "key", lambda event_id: f"""(hash("{event_id}" || '!') >> 1)::BIGINT""")
    at_hand.stage([Event("a", "2026-03-05T10:00:00")])
    merge(at_hand)
    assert [row[:2] for row in ids(at_hand)] == [("a", date(2026, 3, 5)), ("b", date(2026, 3, 1))]


def test_nothing_pending_commits_nothing(at_hand: LakeAtHand) -> None:
    at_hand.stage([Event("a", NOON)])
    merge(at_hand)
    sequence = at_hand.lake.open(tables.trusted(at_hand.source)).sequence
    assert merge(at_hand) == frozenset()
    assert at_hand.lake.open(tables.trusted(at_hand.source)).sequence == sequence


def test_rebuilding_any_range_changes_no_row(at_hand: LakeAtHand) -> None:
    at_hand.stage([Event("a", NOON), Event("b", NEXT_DAY)])
    merge(at_hand)
    at_hand.stage([Event("a", NEXT_DAY), Event("c", NOON)])
    merge(at_hand)
    rows = at_hand.rows("trusted")
    assert rebuild(at_hand, date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)) == {date(2026, 3, 1), date(2026, 3, 2)}
    assert at_hand.rows("trusted") == rows


def test_rebuilding_dates_without_data_empties_nothing(at_hand: LakeAtHand) -> None:
    at_hand.stage([Event("a", NOON)])
    merge(at_hand)
    assert rebuild(at_hand, date(2026, 1, 1), date(2026, 1, 2)) == frozenset()
    assert len(ids(at_hand)) == 1


def test_rebuilding_keeps_rows_whose_landing_date_is_erased_from_stage(at_hand: LakeAtHand) -> None:
    at_hand.stage([Event("old", NOON)], landed_on=date(2026, 3, 1))
    at_hand.stage([Event("new", NOON)], landed_on=date(2026, 3, 2))
    merge(at_hand)
    stage = at_hand.lake.open(tables.stage(at_hand.source))
    stage.commit(Change("upkeep"), "erase", removed=stage.files_between(1, 1))
    rebuild(at_hand, date(2026, 3, 1))
    assert [row[0] for row in ids(at_hand)] == ["new", "old"]


def test_an_erased_landing_date_still_outdates_older_arrivals(at_hand: LakeAtHand) -> None:
    at_hand.stage([Event("a", NEXT_DAY)], landed_on=date(2026, 3, 1))
    merge(at_hand)
    stage = at_hand.lake.open(tables.stage(at_hand.source))
    stage.commit(Change("upkeep"), "erase", removed=stage.files())
    at_hand.stage([Event("a", NOON)], landed_on=date(2026, 3, 2))
    merge(at_hand)
    rebuild(at_hand, date(2026, 3, 1), date(2026, 3, 2))
    assert ids(at_hand) == [("a", date(2026, 3, 2), 1, 1)]


EVENTS = st.builds(
    lambda name, minutes, body: Event(
        name, (datetime(2026, 3, 1, 20, tzinfo=UTC) + timedelta(minutes=minutes)).replace(tzinfo=None).isoformat(), body
    ),
    st.sampled_from("abcdef"),
    st.integers(0, 60 * 30),
    st.sampled_from(["{}", '{"n":1}']),
)


def reference(files: list[list[Event]]) -> list[tuple[object, ...]]:
    """Latest version per id: greatest timestamp, then the later file, then the later line."""
    latest: dict[str, tuple[datetime, int, int]] = {}
    for file_id, events in enumerate(files, 1):
        for line, event in enumerate(events, 1):
            latest[event.event_id] = max(latest.get(event.event_id, (event.timestamp, 0, 0)), (event.timestamp, file_id, line))
    return sorted((event_id, *version) for event_id, version in latest.items())


@settings(max_examples=25)
@given(st.lists(st.tuples(st.lists(EVENTS, min_size=1, max_size=6), st.sampled_from(["merge", "wait", "rebuild"])), min_size=1, max_size=6))
def test_any_split_and_interleaving_gives_the_latest_versions(steps: list[tuple[list[Event], str]]) -> None:
    home = Path(tempfile.mkdtemp())
    try:
        environment = Environment(home)
        with connect(environment) as duck:
            at_hand = LakeAtHand(Lake(environment), sources.get("payments"), duck)
            for events, then in steps:
                at_hand.stage(events)
                if then == "merge":
                    merge(at_hand)
                elif then == "rebuild":
                    rebuild(at_hand, date(2026, 3, 1), date(2026, 3, 2))
            merge(at_hand)
            assert at_hand.rows("trusted") == reference([events for events, _ in steps])
    finally:
        shutil.rmtree(home)
