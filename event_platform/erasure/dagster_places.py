"""Where the Dagster instance keeps its records: SQLite files and logs in folders, in the home or where a `dagster.yaml` says, and logs in a bucket.

PostgreSQL is `dagster_postgres`.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from event_platform.erasure.log_bucket import LogBucket
from event_platform.instance import compute_log_manager
from event_platform.lake.files import outermost

if TYPE_CHECKING:
    from collections.abc import Iterator

    import dagster as dg

    from event_platform.environment import Environment

PRINTED = ("*.out", "*.err", "*.out.partial", "*.err.partial")
"""What a run, a sensor or a schedule printed; beside these a folder of logs may hold files that are not Dagster's."""


@dataclass(frozen=True)
class DagsterPlaces:
    """`folders` hold Dagster's files alone; of `logs` only what was printed is looked at. `unknown` keeps what was printed, nobody knows how."""

    folders: tuple[Path, ...]
    logs: tuple[Path, ...] = ()
    bucket: LogBucket | None = None
    unknown: str | None = None

    def files(self) -> Iterator[Path]:
        """Every file, once."""
        found = {path for folder in self.folders for path in folder.rglob("*")}
        found |= {path for folder in self.logs for path in _printed(folder)}
        return (path for path in sorted(found) if path.is_file() and not path.is_symlink())

    def named(self) -> list[str]:
        """The folders and the bucket in words."""
        return [*map(str, (*self.folders, *self.logs)), *([self.bucket.url] if self.bucket else [])]


def places_of(environment: Environment, instance: dg.DagsterInstance) -> DagsterPlaces:
    """Where the instance keeps its records. Raises ConfigurationError where what runs print is kept by what cannot be opened."""
    logs = _of_logs(compute_log_manager())
    folders = outermost([environment.dagster.resolve(), *_databases(instance)])
    return DagsterPlaces(folders, tuple(each for each in logs.folders if not any(map(each.is_relative_to, folders))), logs.bucket, logs.unknown)


@dataclass
class _Logs:
    folders: list[Path] = field(default_factory=list)
    bucket: LogBucket | None = None
    unknown: str | None = None


def _of_logs(manager: Any) -> _Logs:  # noqa: ANN401 - one of many classes, of which some may not be installed
    from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
    from dagster._core.storage.noop_compute_log_manager import NoOpComputeLogManager

    if isinstance(manager, NoOpComputeLogManager):
        return _Logs()
    if isinstance(manager, LocalComputeLogManager):
        return _Logs([_folder(manager._base_dir)])
    name = type(manager).__name__
    if name == "S3ComputeLogManager":
        return _Logs([_folder(manager.local_manager._base_dir)], LogBucket.of(manager))
    return _Logs(unknown=name)


def _folder(path: str) -> Path:
    return Path(path).expanduser().resolve()


def _databases(instance: dg.DagsterInstance) -> Iterator[Path]:
    """The folders of the SQLite files of its storages."""
    from sqlalchemy.engine import make_url

    for storage in (instance.run_storage, instance.event_log_storage, instance.schedule_storage):
        if base := getattr(storage, "_base_dir", None):
            yield _folder(base)
        elif (url := getattr(storage, "_conn_string", None)) and (database := make_url(url).database):
            yield _folder(database).parent


def _printed(folder: Path) -> Iterator[Path]:
    """In the folder for passing files, where dagster-aws puts its copies if not told otherwise, only what lies as runs put it."""
    within = "*/compute_logs/" if folder == _folder(tempfile.gettempdir()) else "**/"
    return (path for pattern in PRINTED for path in folder.glob(f"{within}{pattern}"))
