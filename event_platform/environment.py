"""The one place that reads environment variables, and the folders that follow from them.

Nothing here touches the disk: the folders are made by whoever first writes to them.
"""

import os
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path

from event_platform.errors import ConfigurationError

CHECKOUT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Environment:
    """What the process was told from outside.

    `home` is the one folder with everything the platform keeps. `settle` is how long a file in a local
    pending folder must have been left alone before it is claimed. `memory_limit` and `threads` bound DuckDB
    (its own defaults when None). `extra_sources` is a folder with further contracts. `postgres` is the URL of the database that
    tables are loaded into (None: the server in the home), `loads` the file that says which loads Dagster does.
    """

    home: Path
    settle: timedelta = timedelta(seconds=1)
    memory_limit: str | None = None
    threads: int | None = None
    extra_sources: Path | None = None
    postgres: str | None = field(default=None, repr=False)
    loads: Path | None = None

    @cached_property
    def lake(self) -> Path:
        """Landing, table data and the catalogue file."""
        return self.home / "lake"

    @cached_property
    def landing(self) -> Path:
        """One folder per source, each with `pending/` and `processed/date=YYYY-MM-DD/`."""
        return self.lake / "landing"

    @cached_property
    def dagster(self) -> Path:
        """The Dagster instance: runs, event log, compute logs."""
        return self.home / "dagster"

    @cached_property
    def scratch(self) -> Path:
        """Spilled and half-made files; may be emptied whenever nothing runs."""
        return self.home / "scratch"

    @cached_property
    def alerts(self) -> Path:
        """Rules and recipients of the weather alerts, if there are any."""
        return self.home / "alerts.toml"


def is_set(name: str) -> bool:
    """Whether a variable that a setting names has a value."""
    return bool(os.environ.get(name))


def secret(name: str) -> str:
    """The value of a variable that a setting names; ConfigurationError, without any value, when it is not set."""
    value = os.environ.get(name)
    if not value:
        raise ConfigurationError(f"The environment variable {name}, which a setting names, is not set; set it where the platform runs.")
    return value


def read() -> Environment:
    """Read `EVENT_PLATFORM_*`; raise ConfigurationError naming the variable that cannot be used."""
    extra = os.environ.get("EVENT_PLATFORM_SOURCES")
    loads = os.environ.get("EVENT_PLATFORM_LOADS")
    return Environment(
        home=Path(os.environ.get("EVENT_PLATFORM_HOME") or CHECKOUT / ".event_platform").expanduser().absolute(),
        settle=timedelta(seconds=_number("EVENT_PLATFORM_SETTLE_SECONDS", 1.0)),
        memory_limit=os.environ.get("EVENT_PLATFORM_MEMORY_LIMIT") or None,
        threads=int(_number("EVENT_PLATFORM_THREADS", 0)) or None,
        extra_sources=Path(extra).expanduser().absolute() if extra else None,
        postgres=os.environ.get("EVENT_PLATFORM_POSTGRES") or None,
        loads=Path(loads).expanduser().absolute() if loads else None,
    )


def _number(name: str, default: float) -> float:
    text = os.environ.get(name)
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if value < 0:
        raise ConfigurationError(f"{name} is {text!r}, which is not a number of at least 0; unset it or give a number such as {default:g}.")
    return value
