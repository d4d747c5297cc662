"""What goes wrong beneath a table (a full disk, a catalogue that is locked, unreachable or damaged) as the platform's errors."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from event_platform.errors import PermanentError, PlatformError, TransientError

_FULL = ("No space left", "disk is full")


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
    if getattr(error, "errno", None) == errno.ENOSPC or any(sign in str(error) for sign in _FULL):
        return TransientError(
            f"The disk is full: {table} could not be written. Nothing is half done and nothing is lost; "
            "make room (`event-platform maintain` removes what is no longer needed), then run again."
        )
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if "CommitFailedException" in kinds or "ValidationException" in kinds:
        return TransientError(f"{table} was changed by another writer at the same moment ({error}). Nothing was written; run again.")
    if "SQLAlchemyError" in kinds:
        return _of_catalogue(table, str(getattr(error, "orig", error)))
    return None


def _of_catalogue(table: str, why: str) -> PlatformError:
    if "malformed" in why or "not a database" in why:
        return PermanentError(f"The catalogue is damaged ({why}), so {table} cannot be opened. Put lake/catalog.db back from a backup.")
    held = " by another program; close what has it open, or wait" if "locked" in why else ""
    return TransientError(f"The catalogue cannot be used ({why}){held}. {table} is as it was and nothing is lost; then run again.")
