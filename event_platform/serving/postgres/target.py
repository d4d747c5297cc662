"""The connection to the target database, and its errors in words that never hold a password or a value of a row."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from event_platform.errors import ConfigurationError, PermanentError, PlatformError, TransientError

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[tuple[Any, ...]]

CONNECT_SECONDS = 10
LOCK_SECONDS = 10
"""How long a load waits for another load of the same table."""


@contextmanager
def connect(url: str) -> Iterator[Connection]:
    """A connection, in UTF-8 and UTC, that commits what stands in `transaction()` blocks; its errors are PlatformErrors."""
    psycopg = _driver()
    settings = {"connect_timeout": CONNECT_SECONDS, "application_name": "event-platform load", "client_encoding": "utf8"}
    try:
        connection = psycopg.connect(url, autocommit=True, prepare_threshold=None, **settings)
    except psycopg.Error as error:
        raise _no_connection(url, str(error)) from None  # the driver's own text may quote the URL
    with explained(shown(url)), connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


def lock(connection: Connection, name: str) -> None:
    """Hold, until the transaction ends, what only one load of that name can hold; TransientError when another does not let go."""
    psycopg = _driver()
    try:
        with connection.transaction():
            connection.execute(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
            connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"event_platform.load {name}"])
            connection.execute("SET LOCAL lock_timeout = DEFAULT")
    except psycopg.errors.LockNotAvailable:
        raise TransientError(f"{name} is being loaded by another process. Wait until it is done, then run again.") from None


@contextmanager
def explained(target: str) -> Iterator[None]:
    """Turn the driver's errors into PlatformErrors."""
    psycopg = _driver()
    try:
        yield
    except psycopg.Error as error:
        raise _explanation(target, error) from None


def shown(url: str) -> str:
    """Host, port and database of a URL; `the target database` where these look as if part of a password had slipped in."""
    psycopg = _driver()
    try:
        parts = psycopg.conninfo.conninfo_to_dict(url)
    except psycopg.Error:
        return "the target database"
    host, port, database = (str(parts.get(name) or "") for name in ("host", "port", "dbname"))
    plain = re.fullmatch(r"[\w./:-]*", host) and re.fullmatch(r"\d*", port) and re.fullmatch(r"[\w.-]*", database)
    return f"{host or 'localhost'}{':' * bool(port)}{port}/{database}" if plain else "the target database"


def _driver() -> Any:  # noqa: ANN401 - the module, whose submodules mypy would not see
    try:
        import psycopg
    except ImportError as error:
        raise ConfigurationError("Loading into PostgreSQL needs psycopg: `pip install 'event-platform[postgres]'`.") from error
    return psycopg


_CONNECTING: tuple[tuple[str, type[PlatformError], str], ...] = (
    (
        "password authentication failed",
        ConfigurationError,
        "refuses the user or the password; give the right ones in the URL, ~/.pgpass or PGPASSWORD",
    ),
    ("no password supplied", ConfigurationError, "wants a password; give it in the URL, ~/.pgpass or PGPASSWORD"),
    ("no pg_hba.conf entry", ConfigurationError, "does not let this user in from this machine; its administrator can"),
    ("role .* does not exist", ConfigurationError, "does not know this user; create it or name another in the URL"),
    ("database .* does not exist", ConfigurationError, "has no such database; create it or name another in the URL"),
    ("permission denied for database", ConfigurationError, "does not let this user connect to the database; grant CONNECT"),
    ("could not translate host name|Name or service not known", ConfigurationError, "has a host name that is not known; correct it in the URL"),
    ("too many (connections|clients)|remaining connection slots", TransientError, "takes no more connections at the moment; run again later"),
    ("starting up|shutting down|recovery", TransientError, "is starting up or shutting down; run again in a moment"),
)


def _no_connection(url: str, text: str) -> PlatformError:
    for pattern, kind, why in _CONNECTING:
        if re.search(pattern, text):
            return kind(f"PostgreSQL at {shown(url)} {why}.")
    if re.search("invalid|missing|unexpected|forbidden", text):
        return ConfigurationError(
            "The URL of the target database cannot be understood. Write postgresql://USER:PASSWORD@HOST:5432/DATABASE, "
            "with / : @ ? # and % in a password as %2F %3A %40 %3F %23 %25."
        )
    return TransientError(
        f"PostgreSQL at {shown(url)} cannot be reached. See that it runs there and that a firewall lets you through; then run again."
    )


_NOTHING_DONE = "Nothing is half done"
_STATES: tuple[tuple[str, type[PlatformError], str], ...] = (
    ("53100", TransientError, f"has no room left on its disk. {_NOTHING_DONE}; make room there, then run again"),
    ("53", TransientError, f"is short of memory or connections. {_NOTHING_DONE}; run again later"),
    ("57014", TransientError, f"ended the statement (a time limit, or its administrator). {_NOTHING_DONE}; run again"),
    ("57", TransientError, f"is being stopped. {_NOTHING_DONE}; run again when it is back"),
    ("08", TransientError, f"cut the connection. {_NOTHING_DONE}; run again"),
    ("40", TransientError, f"gave another transaction precedence. {_NOTHING_DONE}; run again"),
    ("55P03", TransientError, f"has the table locked by somebody else. {_NOTHING_DONE}; run again later"),
    ("42501", PermanentError, "does not give this user the right to do this"),
    ("25006", PermanentError, "is read-only, as a standby is; name the primary in the URL"),
    ("22", PermanentError, f"cannot hold a value of the table. {_NOTHING_DONE}"),
)


def _explanation(target: str, error: psycopg.Error) -> PlatformError:
    state = error.sqlstate or ("08" if isinstance(error, _driver().OperationalError) else "")
    kind, why = next(((kind, why) for begin, kind, why in _STATES if state.startswith(begin)), (PermanentError, "refused the load"))
    return kind(f"PostgreSQL at {target} {why}{_details(state, error)}.")


def _details(state: str, error: psycopg.Error) -> str:
    """What else can be told without telling data: the place of a bad value, the server's words when they are about tables alone."""
    if state.startswith("22"):
        place = re.search(r"line (\d+), column ([^:\s]+)", error.diag.context or "")
        return f": column {place[2]}, row {place[1]} of the load (SQLSTATE {state})" if place else f" (SQLSTATE {state})"
    if state[:2] in {"42", "2B", "25", "0A"}:
        return f": {error.diag.message_primary} (SQLSTATE {state})"
    return f" (SQLSTATE {state})" if len(state) == 5 else ""
