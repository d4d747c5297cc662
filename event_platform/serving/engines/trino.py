"""Trino, which reads the tables through their catalogue; `EVENT_PLATFORM_TRINO` says where it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from event_platform.errors import ConfigurationError, TransientError, UsageError

if TYPE_CHECKING:
    import pyarrow as pa

    from event_platform.environment import Environment

CATALOG = "lake"
"""The name that `docker/trino` gives the platform's tables."""

READ_SECONDS = 60


def arrow(environment: Environment, statement: str) -> pa.Table:
    """The answer of one statement in Trino's SQL; times in UTC. Raises as `engines.arrow` says."""
    import pyarrow as pa

    where = environment.trino
    if where is None:
        raise ConfigurationError("EVENT_PLATFORM_TRINO does not say where Trino is; give its address, such as http://127.0.0.1:8080.")
    if urlsplit(where).password and urlsplit(where).scheme != "https":
        raise ConfigurationError("EVENT_PLATFORM_TRINO has a password, which Trino takes over https alone; write https:// or leave it out.")
    names, rows = _asked(where, statement)
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    return pa.table([pa.array(column) for column in columns], names=names)


def _asked(where: str, statement: str) -> tuple[list[str], list[list[Any]]]:
    try:
        from requests import RequestException
        from trino.dbapi import connect
        from trino.exceptions import HttpError, TrinoAuthError, TrinoConnectionError, TrinoQueryError
    except ImportError as error:
        raise ConfigurationError("Asking Trino needs its client: `pip install 'event-platform[trino]'`.") from error
    host = urlsplit(where).hostname
    try:
        cursor = connect(**_address(where)).cursor()  # type: ignore[no-untyped-call] # it has types for its own use alone
        cursor.execute(statement)
        rows = cursor.fetchall()
        return [column[0] for column in cursor.description or ()], rows
    except TrinoQueryError as error:
        raise (UsageError if error.error_type == "USER_ERROR" else TransientError)(f"Trino at {host} says: {error.message}") from error
    except TrinoAuthError as error:
        raise ConfigurationError(f"Trino at {host} does not let us in; look at user and password in EVENT_PLATFORM_TRINO.") from error
    except (TrinoConnectionError, HttpError, RequestException) as error:
        raise TransientError(f"Trino at {host} cannot be reached. See that it runs there (`make services` starts one), then ask again.") from error


def _address(where: str) -> dict[str, Any]:
    from trino.auth import BasicAuthentication

    parts = urlsplit(where)
    user, password = (unquote(text) if text else None for text in (parts.username, parts.password))
    return {
        "host": parts.hostname,
        "port": parts.port or (443 if parts.scheme == "https" else 8080),
        "http_scheme": parts.scheme,
        "user": user or "event-platform",
        "auth": BasicAuthentication(user, password) if user and password else None,
        "catalog": CATALOG,
        "timezone": "UTC",
        "request_timeout": READ_SECONDS,
        "max_attempts": 2,
    }
