"""The Dagster instance in the platform's home, the same for `dagster dev`, the daemon and the command line.

`dagster.yaml` of the project names the storages below, which take their folder from the environment instead of from the file; without a project
that of a new one does. With DAGSTER_HOME set, that instance is used instead.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster._core.storage.root import LocalArtifactStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from filelock import FileLock

from event_platform import environment, home
from event_platform.errors import ConfigurationError
from event_platform.event_log import HomeEventLog

if TYPE_CHECKING:
    import dagster as dg
    from dagster._core.instance import InstanceRef
    from dagster._core.storage.compute_log_manager import ComputeLogManager
    from dagster._serdes import ConfigurableClassData


def _folder(*parts: str) -> str:
    here = environment.read()
    return str(home.made(here.home, here.dagster.joinpath(*parts)))


class HomeStorage(DagsterSqliteStorage):
    """Runs, events and schedules in SQLite files under the home."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        """The event log is ours, the rest Dagster's; two processes that make the files at the same moment would collide."""
        with FileLock(Path(base_dir) / "making.lock"):
            super().__init__(base_dir, inst_data)
        self._event_log_storage = HomeEventLog(self._event_log_storage._base_dir)

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Nothing to configure: the folder follows from the home."""
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> HomeStorage:  # noqa: ARG003
        """Made by Dagster from `dagster.yaml`."""
        return cls(_folder(), inst_data)


class HomeArtifacts(LocalArtifactStorage):
    """Artifacts under the home."""

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Nothing to configure."""
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> HomeArtifacts:  # noqa: ARG003
        """Made by Dagster from `dagster.yaml`."""
        return cls(_folder(), inst_data)


class HomeComputeLogs(LocalComputeLogManager):
    """What runs print, under the home."""

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Nothing to configure."""
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> HomeComputeLogs:  # noqa: ARG003
        """Made by Dagster from `dagster.yaml`."""
        return cls(_folder("compute_logs"), inst_data=inst_data)


def _folder_of_configuration() -> Path:
    chosen = os.environ.get("DAGSTER_HOME")
    if chosen:
        folder = Path(chosen).expanduser()
        if not folder.is_absolute() or not folder.is_dir():
            raise ConfigurationError(f"DAGSTER_HOME is {chosen!r}, which is not the full path of a folder; unset it or name one.")
        return folder
    return environment.folder_of_dagster()


@contextmanager
def open_instance() -> Iterator[dg.DagsterInstance]:
    """The instance that the UI shows, with what this process prints left on its terminal; ConfigurationError when DAGSTER_HOME is no folder."""
    from dagster import DagsterInstance

    overrides = {"compute_logs": {"module": "dagster._core.storage.noop_compute_log_manager", "class": "NoOpComputeLogManager"}}
    with _reference(overrides) as reference, DagsterInstance.from_ref(reference) as instance:
        yield instance


def compute_log_manager() -> ComputeLogManager:
    """What keeps what runs print, as the configuration of the instance says; ConfigurationError when it cannot be opened."""
    from dagster import DagsterError
    from dagster._check import CheckError

    with _reference({}) as reference:
        try:
            return reference.compute_log_manager
        except (DagsterError, CheckError, ImportError) as error:
            name = reference.compute_logs_data.class_name
            raise ConfigurationError(f"What runs print is kept by {name}, as dagster.yaml says, which cannot be opened here: {error}") from error


@contextmanager
def _reference(overrides: dict[str, Any]) -> Iterator[InstanceRef]:
    from dagster._core.instance import InstanceRef

    folder = _folder_of_configuration()
    with tempfile.TemporaryDirectory() as unused:
        base = str(folder) if os.environ.get("DAGSTER_HOME") else unused
        yield InstanceRef.from_dir(base, config_dir=str(folder), overrides=overrides)
