"""What goes wrong beneath a table (a full disk, a catalogue that is locked, unreachable or damaged) as the platform's errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from event_platform import environment
from event_platform.errors import ConfigurationError, ConflictError, PermanentError, PlatformError, TransientError
from event_platform.home import FULL
from event_platform.lake import catalogues

_REFUSED_BY_POSTGRES = ("password authentication failed", "no password supplied", "does not exist", "no pg_hba.conf entry", "permission denied")
_FULL = ("No space left", "Disk quota exceeded", "disk is full")


@contextmanager
def explained(table: str) -> Iterator[None]:
    """Turn faults while `table` is read or written into TransientError or PermanentError; any other error passes through."""
    try:
        yield
    except PlatformError:
        raise
    except Exception as error:
        told = _told(table, error)
        if told is None:
            raise
        raise told from error


def _told(table: str, error: Exception) -> PlatformError | None:
    if getattr(error, "errno", None) in FULL or any(sign in str(error) for sign in _FULL):
        return TransientError(
            f"The disk is full: {table} could not be written. Nothing is half done and nothing is lost; "
            "make room (`event-platform maintain` removes what is no longer needed), then run again."
        )
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if kinds & _CONFLICTS:
        return ConflictError(f"{table} was changed by another writer at the same moment ({error}). Nothing is written twice; run again.")
    if "SQLAlchemyError" in kinds or type(error).__module__.startswith("psycopg"):
        return _of_database(table, " ".join(str(getattr(error, "orig", error)).split()))
    return _of_service(table, kinds, error)


def _of_service(table: str, kinds: set[str], error: Exception) -> PlatformError | None:
    kind = type(error).__name__
    if kinds & {"ImportError", "NotInstalledError"}:
        return ConfigurationError(f"The catalogue needs a package that is not here ({error}). {_way_to_package()}")
    if kinds & _REFUSALS or any(sign in str(error) for sign in _DENIED):
        return ConfigurationError(
            f"The catalogue does not let us in ({kind}), so {table} cannot be used. "
            "Look at EVENT_PLATFORM_CATALOG, PYICEBERG_CATALOG__LAKE__* and the credentials."
        )
    if kinds & _UNREACHABLE:
        return TransientError(f"The catalogue cannot be reached ({kind}). Nothing is lost and {table} is as it was; run again later.")
    return None


def _way_to_package() -> str:
    extra = _EXTRAS.get(catalogues.kind(environment.read()))
    return f"Install it with: pip install 'event-platform[{extra}]'" if extra else "Install it."


_EXTRAS = {"sql": "postgres", "hive": "hive", "glue": "aws"}
"""What a kind of catalogue needs beyond the platform itself; the embedded one, which is of SQL too, needs nothing."""

_CONFLICTS = {"CommitFailedException", "ValidationException", "WaitingForLockException", "CommitStateUnknownException", "IntegrityError"}
"""pyiceberg's, of which CommitStateUnknown means that the answer got lost: starting anew finds out whether the commit is there. IntegrityError is
the database's, when two make the same table or layer at once."""

_REFUSALS = {"UnauthorizedError", "ForbiddenError", "AuthorizationExpiredError", "OAuthError", "NoCredentialsError", "NoRegionError"}
_DENIED = ("UnrecognizedClientException", "AccessDeniedException", "ExpiredTokenException", "InvalidSignatureException")
_UNREACHABLE = {
    *("ConnectionError", "Timeout", "RetryError", "ServerError", "ServiceUnavailableError", "TooManyRequestsError"),  # REST, through requests
    *("TTransportException", "EndpointConnectionError", "HTTPClientError"),  # Hive, Glue
}


def _of_database(table: str, why: str) -> PlatformError:
    if refused := next((sign for sign in _REFUSED_BY_POSTGRES if sign in why), None):
        return ConfigurationError(f"The catalogue's PostgreSQL says: {refused}. Correct EVENT_PLATFORM_CATALOG; {table} cannot be used until then.")
    if "malformed" in why or "not a database" in why:
        return PermanentError(f"The catalogue is damaged ({why}), so {table} cannot be opened. Put lake/catalog.db back from a backup.")
    held, way_out = (" by another program; close what has it open, or wait", "then") if "locked" in why else ("", "bring it back, then")
    return TransientError(f"The catalogue cannot be used ({why}){held}. Nothing is lost and {table} is as it was; {way_out} run again.")
