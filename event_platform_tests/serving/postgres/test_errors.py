"""What can go wrong with a target is said in a sentence that names it, its way out and no secret; nothing is half done."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from event_platform.environment import Environment
from event_platform.errors import ConfigurationError, PermanentError, PlatformError, TransientError, UsageError
from event_platform.serving.postgres import server as own
from event_platform.serving.postgres.loads import Mode, configured, make_load
from event_platform.serving.postgres.target import connect
from event_platform_tests.serving.postgres.conftest import Database, Server, events

pytestmark = pytest.mark.server

SECRET = "sEcrEt"


@pytest.fixture
def guarded(database: Database) -> Database:
    """A database that wants a password, and a role that has one and may do nothing."""
    database.query(f"DROP ROLE IF EXISTS guest; CREATE ROLE guest LOGIN PASSWORD '{SECRET}'")
    rules: Path = database.server.handle.pgdata / "pg_hba.conf"
    rules.write_text("local all guest scram-sha-256\n" + rules.read_text())
    database.server.reload()
    return database


def error_of(url: str) -> PlatformError:
    with pytest.raises(PlatformError) as caught, connect(url):
        pass
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    return caught.value


def test_what_the_server_refuses_is_named(guarded: Database) -> None:
    server = guarded.server
    for url, word in (
        (server.url(guarded.name, "guest", f"{SECRET}x"), "refuses the user or the password"),
        (server.url(guarded.name, "nobody", SECRET), "does not know this user"),
        (server.url("nosuch", password=SECRET), "has no such database"),
    ):
        error = error_of(url)
        assert word in str(error)
        assert isinstance(error, ConfigurationError)


def test_a_server_that_is_away_is_named() -> None:
    error = error_of(f"postgresql://me:{SECRET}@127.0.0.1:1/db")
    assert isinstance(error, TransientError)
    assert "127.0.0.1:1/db cannot be reached" in str(error)


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=8), st.text("@/:?#%=&[] ", max_size=3))
def test_no_part_of_a_password_gets_into_an_error_however_it_is_written(junk: str, more: str) -> None:
    from event_platform.serving.postgres.target import _no_connection, shown

    url = f"postgresql://me:{junk}{SECRET}{more}@127.0.0.1:1/db"
    for text in (
        shown(url),
        str(_no_connection(url, f'could not translate host name "{SECRET}"')),
        str(_no_connection(url, f'invalid port "{SECRET}"')),
    ):
        assert SECRET not in text


def test_missing_rights_are_named(guarded: Database) -> None:
    guarded.land(*events(range(3)))
    load = make_load("payments", "bulk", guarded.server.url(guarded.name, "guest", SECRET))
    with pytest.raises(PermanentError, match="right to do this: permission denied for database"):
        guarded.perform(load)


def test_a_full_disk_of_the_server_leaves_everything_as_it_was(database: Database) -> None:
    database.land(*events(range(3)))
    load = database.load("chunks", records=2)
    database.perform(load)
    database.query("""
        CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = 'disk_full'; END $$;
        CREATE TRIGGER fill BEFORE INSERT ON trusted.payments EXECUTE FUNCTION fill()""")
    with pytest.raises(TransientError, match="no room left on its disk"):
        database.perform(load)
    database.query("DROP TRIGGER fill ON trusted.payments")
    assert [database.perform(load).rows for _ in range(2)] == [1, 0]


@pytest.mark.parametrize("mode", list(Mode))
def test_a_value_that_the_target_cannot_hold_is_placed_but_not_told(database: Database, mode: Mode) -> None:
    database.land(*events(range(3), body=f'{{"card": {SECRET}}}'))
    with pytest.raises(PermanentError, match="column data, row 1 of the load") as caught:
        database.perform(database.load(mode))
    assert SECRET not in str(caught.value)
    assert database.query("SELECT to_regclass('trusted.payments'), count(*) FROM event_platform.loads") == [(None, 0)]


@pytest.mark.parametrize(
    ("table", "options", "word"),
    [
        ("nosuch", {}, "trusted.payments"),
        ("stage.payments", {}, "trusted.payments"),
        ("payments", {"mode": "rows"}, "bulk and chunks"),
        ("payments_daily", {"mode": "chunks"}, "--mode bulk"),
        ("payments", {"records": 0}, "at least one record"),
        ("payments", {"every_seconds": -1.0}, "time passes"),
    ],
)
def test_a_load_that_cannot_be_is_refused(table: str, options: dict[str, object], word: str) -> None:
    with pytest.raises(UsageError, match=word):
        make_load(table, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[[load]", "cannot be read"),
        ("[[load]]\nmode = 'bulk'", "look at table"),
        ("[[load]]\ntable = 'payments'\nrecords = '5'", "look at records"),
        ("[[load]]\ntable = 'payments'\nevery = 5", "look at every"),
        ("[[load]]\ntable = 'nosuch'", "no table 'nosuch'"),
        ("[[load]]\ntable = 'payments'\n" * 2, "loads trusted.payments twice"),
    ],
)
def test_what_is_wrong_in_the_file_of_loads_is_named(tmp_path: Path, text: str, word: str) -> None:
    (tmp_path / "loads.toml").write_text(text)
    with pytest.raises(ConfigurationError, match=word):
        configured(Environment(tmp_path, loads=tmp_path / "loads.toml"))
    with pytest.raises(ConfigurationError, match="cannot be read"):
        configured(Environment(tmp_path, loads=tmp_path / "nosuch.toml"))


def test_a_password_is_not_in_what_objects_show(server: Server) -> None:
    shown = repr(make_load("payments", target=server.url(password=SECRET))) + repr(Environment(Path(), postgres=server.url(password=SECRET)))
    assert SECRET not in shown


def test_the_server_in_the_home_starts_by_itself_and_again_after_a_stop() -> None:
    with tempfile.TemporaryDirectory(prefix="event-platform-") as folder:
        here = Environment(Path(folder) / "home")
        assert not own.stop(here)
        for _ in range(2):
            with connect(own.own_server(here)) as connection:
                assert connection.execute("SELECT 1").fetchone() == (1,)
            assert own.client(here).exists()
            assert own.stop(here)
