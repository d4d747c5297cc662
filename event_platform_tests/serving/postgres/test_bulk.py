"""A table is loaded whole: as it is in the lake, and without a moment in which a reader sees anything but the old or the new."""

import threading
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest

from event_platform.errors import PermanentError, TransientError
from event_platform.lake.schema import Table
from event_platform.lake.table import Change
from event_platform.lake.write import write
from event_platform.serving.postgres import bulk
from event_platform.serving.postgres.loads import Load, at_work, perform
from event_platform.serving.postgres.progress import Mode
from event_platform.sources.contract import Column
from event_platform_tests.serving.postgres.conftest import Database, events

pytestmark = pytest.mark.server

ALL_TYPES = Table(
    "aggregate",
    "all_types",
    "One row per kind of trouble; it's quoted.",
    (
        Column("a-string", "string", "Text; 100 % of it, it's \\ any"),
        Column("whole", "long", "Whole"),
        Column("broken", "double", "Broken"),
        Column("true", "boolean", "Or not"),
        Column("day", "date", "UTC"),
        Column("at", "timestamp", "UTC"),
        Column("json", "json", "Kept"),
    ),
)
TROUBLE: list[tuple[Any, ...]] = [
    (None, None, None, None, None, None, None),
    ("", -(2**63), 0.1 + 0.2, True, date(2026, 2, 28), datetime(1969, 12, 31, 23, 59, 59, 999999, UTC), '{"a":  [1, "x,\\"y"]}'),
    ('a,"b"\n\\.\r\n\t;é😀 \\N', 2**63 - 1, 1e300, False, date(1, 1, 1), datetime(2026, 3, 1, 12, tzinfo=UTC), "null"),
    ("\\.", 0, -0.0, None, date(9999, 12, 31), datetime(9999, 12, 31, tzinfo=UTC), '"\\u0000"'),
]


def replace_rows(database: Database, table: Table, rows: list[tuple[Any, ...]]) -> None:
    """Make the lake's table hold these rows."""
    opened, duck = database.at_hand.lake.open(table), database.at_hand.duck
    types = {"string": pa.string(), "json": pa.string(), "long": pa.int64(), "double": pa.float64(), "boolean": pa.bool_()}
    types |= {"date": pa.date32(), "timestamp": pa.timestamp("us", tz="UTC")}
    schema = pa.schema([(column.name, types[column.type]) for column in table.columns])
    duck.register("rows", pa.Table.from_pylist([dict(zip(table.column_names, row, strict=True)) for row in rows], schema))
    opened.commit(Change("replacement"), "test", added=write(duck, opened, "SELECT * FROM rows"), removed=opened.files())


def test_values_types_names_and_comments_arrive_as_they_are(database: Database) -> None:
    replace_rows(database, ALL_TYPES, TROUBLE)
    load = Load(ALL_TYPES, Mode.bulk, "any-schema.all types", 30, target=database.url)
    assert database.perform(load).rows == len(TROUBLE)
    relation = '"any-schema"."all types"'
    found = database.query(f'SELECT "a-string", whole, broken, "true", day, at, json::text FROM {relation}')
    assert sorted(found, key=repr) == sorted(TROUBLE, key=repr)
    described = "SELECT attname, format_type(atttypid, -1), col_description(attrelid, attnum) FROM pg_attribute"
    assert database.query(f"{described} WHERE attrelid = '{relation}'::regclass AND attnum BETWEEN 1 AND 2 ORDER BY attnum") == [
        ("a-string", "text", "Text; 100 % of it, it's \\ any"),
        ("whole", "bigint", "Whole"),
    ]
    assert database.query(f"SELECT obj_description('{relation}'::regclass)") == [(ALL_TYPES.description,)]


def test_an_unchanged_table_is_not_loaded_again(database: Database) -> None:
    database.land(*events(range(3)))
    load = database.load()
    assert database.perform(load).rows == 3
    before = database.query("SELECT 'trusted.payments'::regclass::oid, xmin FROM trusted.payments")
    assert not database.perform(load).changed
    assert database.query("SELECT 'trusted.payments'::regclass::oid, xmin FROM trusted.payments") == before
    database.land(*events(range(3, 5)))
    assert database.perform(load).rows == 5
    assert database.in_target() == database.in_lake()


def test_a_table_never_written_is_loaded_empty_and_a_dropped_one_anew(database: Database) -> None:
    load = database.load()
    assert database.perform(load).rows == 0
    database.land(*events(range(3)))
    database.perform(load)
    database.query("DROP TABLE trusted.payments")
    assert database.perform(load).rows == 3


@pytest.mark.parametrize("built_on", ["", "CREATE VIEW seen AS SELECT data FROM trusted.payments"], ids=["swapped", "rows-exchanged"])
def test_readers_see_one_version_whole(database: Database, built_on: str) -> None:
    rows, versions = 300, 5
    load = database.load()
    database.land(*events(range(rows), body='{"v":0}'))
    database.perform(load)
    if built_on:
        database.query(built_on)
    stop, seen, wrong = threading.Event(), set[int](), list[object]()

    def read(isolation: str) -> None:
        with database.server.connect(database.name) as reader:
            reader.execute(f"SET default_transaction_isolation = '{isolation}'")
            reader.commit()
            while not stop.is_set():
                reader.execute("SELECT 1 FROM event_platform.loads")  # in a repeatable read this is when the snapshot is taken
                found = reader.execute("SELECT count(*), min(data->>'v')::int, max(data->>'v')::int FROM trusted.payments").fetchone()
                reader.commit()
                assert found
                seen.add(found[1])
                if found[0] != rows or found[1] != found[2]:
                    wrong.append(found)

    readers = [threading.Thread(target=read, args=[isolation]) for isolation in ("read committed", "repeatable read")]
    for reader in readers:
        reader.start()
    for version in range(1, versions):
        database.land(*events(range(rows), at=f"2026-03-01T12:00:{version:02}", body=f'{{"v":{version}}}'))
        assert database.perform(load).rows == rows
    stop.set()
    for reader in readers:
        reader.join()
    assert wrong == []
    assert len(seen) > 1
    assert database.in_target() == database.in_lake()


def test_a_transaction_with_an_older_snapshot_does_not_find_the_table_empty(database: Database) -> None:
    load = database.load()
    database.land(*events(range(3)))
    database.perform(load)
    database.land(*events(range(3, 5)))
    with database.server.connect(database.name) as reader:
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        reader.execute("SELECT 1 FROM event_platform.loads")
        database.perform(load)
        assert reader.execute("SELECT count(*) FROM trusted.payments").fetchone() == (5,)


def test_what_others_built_on_the_table_stays(database: Database) -> None:
    load = database.load()
    database.land(*events(range(3)))
    database.perform(load)
    for statement in (
        "CREATE VIEW number AS SELECT count(*) AS n FROM trusted.payments",
        "CREATE INDEX mine ON trusted.payments (event_id)",
        "GRANT SELECT ON trusted.payments TO PUBLIC",
    ):
        database.query(statement)
    database.land(*events(range(3, 5)))
    database.perform(load)
    assert database.query("SELECT n FROM number") == [(5,)]
    assert database.query("SELECT count(*) FROM pg_indexes WHERE indexname = 'mine'") == [(1,)]
    assert database.query("SELECT has_table_privilege('public', 'trusted.payments', 'SELECT')") == [(True,)]
    assert database.query("SELECT to_regclass('trusted.payments__loading')") == [(None,)]


def test_a_reader_that_stays_does_not_stop_the_load(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "SWAP_WAIT_SECONDS", 0.05)
    load = database.load()
    database.land(*events(range(3)))
    database.perform(load)
    database.land(*events(range(3, 5)))
    with database.server.connect(database.name) as reader:
        assert reader.execute("SELECT count(*) FROM trusted.payments").fetchone() == (3,)
        assert database.perform(load).rows == 5
        assert reader.execute("SELECT count(*) FROM trusted.payments").fetchone() == (5,)


@pytest.mark.parametrize("table", ["event_id text", ", ".join(f"c{n} int" for n in range(20))])
def test_a_table_of_somebody_else_is_left_alone(database: Database, table: str) -> None:
    database.land(*events(range(3)))
    database.query(f"CREATE SCHEMA trusted; CREATE TABLE trusted.payments ({table})")
    for mode in Mode:
        with pytest.raises(PermanentError, match="not made by event-platform"):
            database.perform(database.load(mode))
    assert database.query("SELECT count(*) FROM trusted.payments") == [(0,)]
    assert database.query("SELECT count(*) FROM event_platform.loads") == [(0,)]


def test_changed_columns_are_swapped_in_but_not_from_under_a_view(database: Database) -> None:
    load = database.load()
    database.land(*events(range(3)))
    database.perform(load)
    database.query("ALTER TABLE trusted.payments DROP COLUMN data")
    assert database.perform(load).rows == 3
    assert database.in_target() == database.in_lake()
    database.query("ALTER TABLE trusted.payments DROP COLUMN data; CREATE VIEW number AS SELECT count(*) AS n FROM trusted.payments")
    with pytest.raises(PermanentError, match="data is missing instead of json"):
        database.perform(load)
    assert database.query("SELECT n FROM number") == [(3,)]


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_connection_cut_in_the_middle_leaves_everything_as_it_was(database: Database, monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    load = database.load()
    database.land(*events(range(3)))
    database.perform(load)
    before = database.query("SELECT * FROM event_platform.loads")
    database.land(*events(range(3, 5)))
    copy_in = bulk.copy_in

    def cut(connection: Any, *rest: Any) -> int:
        if moment == "after":
            copy_in(connection, *rest)
        database.query(f"SELECT pg_terminate_backend({connection.info.backend_pid}, 5000)")
        return copy_in(connection, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(bulk, "copy_in", cut)
        with pytest.raises(TransientError, match="Nothing is half done"):
            database.perform(load)
    assert database.query("SELECT * FROM event_platform.loads") == before
    assert len(database.in_target()) == 3
    assert database.perform(load).rows == 5


def test_two_at_once_load_once(database: Database) -> None:
    database.land(*events(range(1000)))
    load, brought = database.load(), list[int]()

    def go() -> None:
        with database.at_hand.duck.cursor() as duck:
            brought.append(perform(load, database.at_hand.lake, duck).rows)

    loaders = [threading.Thread(target=go) for _ in range(3)]
    for loader in loaders:
        loader.start()
    for loader in loaders:
        loader.join()
    assert sorted(brought) == [0, 0, 1000]


def test_a_loader_that_waited_for_another_does_not_bring_back_what_was_before(database: Database) -> None:
    database.land(*events(range(2)))
    load = database.load()
    with at_work(load, database.at_hand.lake) as (connection, relation, opened_early):
        database.land(*events(range(2, 4)))
        database.perform(load)
        assert bulk.load_whole(connection, database.at_hand.duck, opened_early, relation) is None
    assert database.in_target() == database.in_lake()
