"""The home, the lake, and the folders that follow from them."""

import re
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path

from event_platform.environment.kinds import GIGABYTES, PATH, SECONDS
from event_platform.environment.project_folder import project
from event_platform.environment.setting import Kind, setting
from event_platform.errors import ConfigurationError

STORE = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^\s?#%]+)?|(web)?hdfs://([\w.-]+@)?[\w.-]+(:\d+)?/[^\s?#%]+")


def _lake_folder(_: str, text: str) -> Path | None:
    scheme, separator, rest = text.rstrip("/").partition("://")
    if separator and scheme != "file":
        return None
    folder = rest or scheme
    return Path(folder).expanduser().absolute() if folder else None


def _lake_url(name: str, text: str) -> str | None:
    """The URL is not repeated in the error, for somebody may have written a key into it."""
    text = text.rstrip("/")
    if "://" not in text or text.startswith("file://"):
        return None
    if not STORE.fullmatch(text):
        raise ConfigurationError(
            f"{name} is no place for a lake; write a folder, s3://bucket/prefix or webhdfs://user@host:port/folder, "
            "and no password or key: AWS's own variables hold those."
        )
    return text


@dataclass(frozen=True)
class Home:
    """The one folder with everything the platform keeps, but for a lake that `lake_folder` or `lake_url` (a store of objects) put elsewhere."""

    home: Path = setting(
        "EVENT_PLATFORM_HOME",
        PATH,
        "the one folder with everything the platform keeps",
        unset="`.event_platform` in the project that `event-platform init` made, from any folder within; else in the checkout",
    )
    lake_folder: Path | None = setting(
        "EVENT_PLATFORM_LAKE",
        Kind("path, `s3://bucket/prefix` or `webhdfs://user@host:port/folder`", _lake_folder),
        "where landing and tables are",
        default=None,
        unset="`lake` in the home",
    )
    lake_url: str | None = setting("EVENT_PLATFORM_LAKE", Kind("", _lake_url), default=None)
    cache_bytes: int = setting(
        "EVENT_PLATFORM_CACHE_GIGABYTES", GIGABYTES, "about how much of a lake on S3 or HDFS is kept in the home's scratch folder", default=20 << 30
    )
    poll: timedelta = setting("EVENT_PLATFORM_POLL_SECONDS", SECONDS, "how often S3 or HDFS is asked for new files", default=timedelta(seconds=5))
    settle: timedelta = setting(
        "EVENT_PLATFORM_SETTLE_SECONDS",
        SECONDS,
        "how long a file in a local `pending/` must have been left alone before it is claimed",
        default=timedelta(seconds=1),
    )

    @cached_property
    def lake(self) -> Path:
        """Landing, table data and the catalogue file; of a lake in a store of objects the catalogue file alone."""
        return self.lake_folder or self.home / "lake"

    @cached_property
    def landing(self) -> Path:
        """One folder per source, each with `pending/` and `processed/date=YYYY-MM-DD/`."""
        return self.lake / "landing"

    @cached_property
    def locks(self) -> Path:
        """The writers' locks: beside the tables where other homes may share their folder, else in the home."""
        return (self.lake_folder or self.home) / "locks"

    @cached_property
    def dagster(self) -> Path:
        """The Dagster instance: runs, event log, compute logs."""
        return self.home / "dagster"

    @cached_property
    def under_way(self) -> Path:
        """A lock for each run that a command executes, by the machine's name."""
        return self.home / "under_way"

    @cached_property
    def scratch(self) -> Path:
        """Spilled and half-made files; may be emptied whenever nothing runs."""
        return self.home / "scratch"

    @property
    def cache(self) -> Path:
        """Copies of objects of the lake, which may be removed at any time."""
        return self.scratch / "cache"

    @cached_property
    def accounts(self) -> Path:
        """What became of each source's staged lines when they were last counted; may be removed at any time."""
        return self.home / "accounts"

    @cached_property
    def streams(self) -> Path:
        """What streams remember of what they have read, and how they are."""
        return self.home / "streams"

    @cached_property
    def privacy(self) -> Path:
        """Who was erased, as salted hashes, and the receipts of erasures."""
        return self.home / "privacy"

    @cached_property
    def alerts(self) -> Path:
        """Rules and recipients of the weather alerts, if there are any."""
        return self.home / "alerts.toml"

    @cached_property
    def collector(self) -> Path:
        """Topics, keys and limits of the HTTP collector, if they are not the defaults."""
        return self.home / "collector.toml"


def home_or_default(given: Path | None) -> Path:
    """The home that was given, else the one in the project; ConfigurationError where there is none, or Dagster could not keep its files there."""
    folder = project()
    if given is None and folder is None:
        raise ConfigurationError(
            "There is no project in this folder or above it, so nothing says where the tables are. Make one with `event-platform init my-platform` "
            "and go there, or set EVENT_PLATFORM_HOME to the folder that shall hold everything the platform keeps."
        )
    home = given or folder / ".event_platform"  # type: ignore[operator] # one of them is there
    require_sound_home(home)
    return home


def require_sound_home(home: Path) -> None:
    """Raise ConfigurationError for a folder in which Dagster could not keep its records."""
    if set("%?") & set(str(home)):
        raise ConfigurationError(f"The home {str(home)!r} has % or ? in its path, which Dagster's SQLite files cannot have; choose another.")
