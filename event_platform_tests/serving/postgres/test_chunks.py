"""In chunks each record comes once, in the order of landing, and in the end the target holds what trusted holds."""

import threading
from datetime import date, timedelta
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from event_platform.errors import PermanentError
from event_platform.lake.maintenance import expire
from event_platform.lake.table import Change
from event_platform.lake.write import write
from event_platform.serving.postgres.chunks import Chunk, load_chunk
from event_platform.serving.postgres.loads import at_work, perform, perform_repeatedly
from event_platform.trusted.dates import files_of_dates
from event_platform_tests.serving.postgres.conftest import Database, events

pytestmark = pytest.mark.server

DAYS = [date(2026, 3, day) for day in (1, 2, 3)]


def derive_anew(database: Database, day: date, rows: str) -> None:
    """Replace the rows of an event date in trusted by those of a SELECT over `before`, as a reprocessing would."""
    trusted, duck = database.trusted, database.at_hand.duck
    old = files_of_dates(trusted, [day])
    duck.execute(f"CREATE OR REPLACE TEMP TABLE before AS {trusted.select(old)}")
    trusted.commit(Change("replacement", dates=frozenset([day])), "test", added=write(duck, trusted, rows), removed=old)


def places(database: Database) -> list[tuple[object, ...]]:
    return database.in_target("file_id, line_number")


def test_chunks_are_full_but_the_last_and_then_nothing_comes_until_something_lands(database: Database) -> None:
    database.land(*events(range(25)))
    load = database.load("chunks", records=10)
    assert [database.perform(load).rows for _ in range(4)] == [10, 10, 5, 0]
    before = database.query("SELECT * FROM event_platform.loads")
    assert not database.perform(load).changed
    assert database.query("SELECT * FROM event_platform.loads") == before
    database.land(*events(range(25, 37)))
    assert [database.perform(load).rows for _ in range(3)] == [10, 2, 0]
    assert database.in_target() == database.in_lake()


def test_records_come_in_the_order_of_landing(database: Database) -> None:
    database.land(*events(range(5), at="2026-03-02T12:00:00"))
    database.land(*events(range(5, 10), at="2026-03-01T12:00:00"))
    load = database.load("chunks", records=3)
    for expected in ([(1, 1), (1, 2), (1, 3)], [(1, 4), (1, 5), (2, 1)]):
        database.perform(load)
        assert places(database)[-3:] == expected


def test_a_newer_version_is_a_record_of_its_own_and_readers_keep_the_older_until_then(database: Database) -> None:
    load = database.load("chunks", records=2)
    database.land(*events(range(4), body="1"))
    for _ in range(2):
        database.perform(load)
    database.land(*events(range(4, 6)), *events(range(1), at="2026-03-02T12:00:00", body="2"))
    assert database.perform(load).rows == 2
    assert database.in_target("event_id, data::text")[0] == ("e00000", "1")
    assert database.perform(load).rows == 1
    assert database.in_target("event_id, data::text")[0] == ("e00000", "2")
    assert database.in_target() == database.in_lake()


def test_a_date_derived_anew_comes_beside_the_new_records(database: Database) -> None:
    load = database.load("chunks", records=4)
    database.land(*events(range(6), body="1"))
    database.perform(load)
    derive_anew(database, DAYS[0], "SELECT * REPLACE ('2' AS data) FROM before WHERE event_id <> 'e00001'")
    loaded = database.perform(load)
    assert (loaded.rows, loaded.corrected) == (2, 3)
    assert database.in_target() == database.in_lake()


def test_lines_back_from_quarantine_arrive_though_their_place_is_behind(database: Database) -> None:
    load = database.load("chunks")
    database.land(*events(range(6)))
    derive_anew(database, DAYS[0], "SELECT * FROM before WHERE event_id <> 'e00001'")
    database.perform(load)
    assert len(places(database)) == 5
    derive_anew(database, DAYS[0], "SELECT * FROM before UNION ALL SELECT * REPLACE ('e00001' AS event_id, 2 AS line_number) FROM before LIMIT 6")
    loaded = database.perform(load)
    assert (loaded.rows, loaded.corrected) == (0, 6)
    assert database.in_target() == database.in_lake()


def test_after_a_long_absence_everything_behind_is_compared(database: Database) -> None:
    load = database.load("chunks")
    database.land(*events(range(6)))
    database.perform(load)
    derive_anew(database, DAYS[0], "SELECT * FROM before WHERE event_id <> 'e00001'")
    database.land(*events(range(6, 8)))
    expire(database.trusted, timedelta(0), 2**62)
    assert database.perform(load).rows == 2
    assert database.in_target() == database.in_lake()


def test_a_column_that_the_declaration_gained_is_added_and_other_differences_are_refused(database: Database) -> None:
    load = database.load("chunks", records=2)
    database.land(*events(range(4), body="1"))
    database.perform(load)
    database.query("ALTER TABLE trusted.payments DROP COLUMN data")
    database.perform(load)
    assert database.in_target("event_id, data::text") == [("e00000", None), ("e00001", None), ("e00002", "1"), ("e00003", "1")]
    database.query("ALTER TABLE trusted.payments ADD COLUMN mine int")
    with pytest.raises(PermanentError, match="mine is not of"):
        database.perform(load)


def test_the_mode_of_a_table_does_not_change(database: Database) -> None:
    database.land(*events(range(4)))
    database.perform(database.load("chunks"))
    with pytest.raises(PermanentError, match="in mode chunks"):
        database.perform(database.load("bulk"))


def test_a_chunk_too_soon_is_left_for_later_whoever_asks(database: Database) -> None:
    database.land(*events(range(30)))
    load = database.load("chunks", records=10, every_seconds=3600)
    assert [database.perform(load, paced=True).rows for _ in range(3)] == [10, 0, 0]
    database.query("UPDATE event_platform.loads SET loaded_at = loaded_at - interval '1 hour'")
    assert [database.perform(load, paced=True).rows for _ in range(2)] == [10, 0]


def test_loaders_at_once_bring_each_record_once(database: Database) -> None:
    database.land(*events(range(200)))
    load, brought = database.load("chunks", records=7), list[int]()

    def go() -> None:
        with database.at_hand.duck.cursor() as duck:
            while loaded := perform(load, database.at_hand.lake, duck).rows:
                brought.append(loaded)

    loaders = [threading.Thread(target=go) for _ in range(3)]
    for loader in loaders:
        loader.start()
    for loader in loaders:
        loader.join()
    assert sorted(brought) == [4] + [7] * 28
    assert database.in_target() == database.in_lake()


def test_a_loader_that_waited_for_another_goes_on_from_where_that_one_ended(database: Database) -> None:
    database.land(*events(range(2), body="1"))
    load = database.load("chunks")
    database.perform(load)
    with at_work(load, database.at_hand.lake) as (connection, relation, opened_early):
        database.land(*events(range(1, 3), at="2026-03-02T12:00:00", body="2"))
        database.perform(load)
        assert load_chunk(connection, database.at_hand.duck, opened_early, relation, "event_id", load.records) == Chunk(so_far=4)
    assert not database.perform(load).changed
    assert database.in_target() == database.in_lake()


def test_a_lake_that_is_behind_the_target_is_refused(database: Database) -> None:
    database.land(*events(range(4)))
    load = database.load("chunks")
    database.perform(load)
    database.query("UPDATE event_platform.loads SET snapshot_id = 1, sequence = sequence + 1")  # as if the catalogue came back from a backup
    before = database.query("SELECT * FROM event_platform.loads")
    with pytest.raises(PermanentError, match=r"trusted\.payments is older"):
        database.perform(load)
    assert database.query("SELECT * FROM event_platform.loads") == before
    assert database.in_target() == database.in_lake()


def test_a_loader_outlives_crashes_of_the_server(database: Database) -> None:
    database.land(*events(range(300)))
    load, stop, told = database.load("chunks", records=10, every_seconds=0.001), threading.Event(), list[str]()

    def tell(message: str) -> None:
        told.append(message)
        if "nothing new" in message and len(told) > 30:
            stop.set()
        if len(told) in {5, 15}:
            database.server.crash()
        elif "cannot be reached" in message:
            database.server.start()

    with database.at_hand.duck.cursor() as duck:
        perform_repeatedly(load, database.at_hand.lake, duck, stop, tell)
    assert sum("cannot be reached" in message for message in told) == 2
    assert database.in_target() == database.in_lake()
    assert database.query("SELECT rows FROM event_platform.loads") == [(300,)]


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("land"), st.lists(st.tuples(st.integers(0, 9), st.sampled_from(DAYS)), min_size=1, max_size=8)),
        st.tuples(st.just("load"), st.integers(1, 6)),
        st.tuples(st.just("derive"), st.sampled_from(DAYS)),
    ),
    max_size=10,
)


@pytest.mark.parametrize("moving", [True, False], ids=["moving", "lost"])
@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=ACTIONS)
def test_whatever_lands_and_is_derived_anew_meanwhile_the_target_ends_as_trusted_is(
    moving: bool, database: Database, actions: list[tuple[str, object]]
) -> None:
    """Events move between dates, or are lost when theirs is derived anew; trusted never lets one do both without touching the date it left."""
    name = f"p.t{uuid4().hex[:8]}"
    load = database.load("chunks", name=name, records=3)
    for action, detail in actions:
        if action == "land":
            assert isinstance(detail, list)
            database.land(*(events(range(n, n + 1), at=f"{day if moving else DAYS[n % 3]}T12:00:00")[0] for n, day in detail))
        elif action == "derive":
            assert isinstance(detail, date)
            body = f"'{database.trusted.sequence}'"
            kept = "true" if moving else "line_number % 3 > 0"
            derive_anew(database, detail, f"SELECT * REPLACE ({body} AS data) FROM before WHERE {kept}")
        else:
            assert database.perform(load).rows <= 3
    while database.perform(load).changed:
        pass
    assert database.in_target(table=name) == database.in_lake()
