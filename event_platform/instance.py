"""The Dagster instance in the platform's home, the same for `dagster dev`, the daemon and the command line.

`dagster.yaml` names the storages below, which take their folder from the environment instead of from the file. With DAGSTER_HOME set,
that instance is used instead.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster._core.storage.root import LocalArtifactStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage

from event_platform import environment

if TYPE_CHECKING:
    import dagster as dg
    from dagster._serdes import ConfigurableClassData


def _folder(*parts: str) -> str:
    folder = environment.read().dagster.joinpath(*parts)
    folder.mkdir(parents=True, exist_ok=True)
    return str(folder)


class HomeStorage(DagsterSqliteStorage):
    """Runs, events and schedules in SQLite files under the home."""

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


@contextmanager
def open_instance() -> Iterator[dg.DagsterInstance]:
    """The instance that the UI shows, with what this process prints left on its terminal."""
    from dagster import DagsterInstance
    from dagster._core.instance import InstanceRef

    if os.environ.get("DAGSTER_HOME"):
        with DagsterInstance.get() as instance:
            yield instance
        return
    overrides = {"compute_logs": {"module": "dagster._core.storage.noop_compute_log_manager", "class": "NoOpComputeLogManager"}}
    with tempfile.TemporaryDirectory() as unused:
        reference = InstanceRef.from_dir(unused, config_dir=str(environment.CHECKOUT), overrides=overrides)
        with DagsterInstance.from_ref(reference) as instance:
            yield instance
