"""Real servers for tests, started by the first test that asks, one of each per test process."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

import infra


@pytest.fixture(scope="session")
def server_folder() -> Iterator[Path]:
    """Where servers keep their data. Not in pytest's folders: run by root, some servers are another user's, whom pytest would lock out."""
    with tempfile.TemporaryDirectory(prefix="event-platform-servers-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def serving(start: Callable[..., AbstractContextManager[Any]], *needs: str) -> Any:
    """A fixture of the name of `infra`'s function: its server, given a folder and the servers it needs."""

    @pytest.fixture(scope="session", name=start.__name__)
    def server(request: pytest.FixtureRequest, server_folder: Path) -> Iterator[Any]:
        with start(server_folder / start.__name__, *map(request.getfixturevalue, needs)) as started:
            yield started

    server.__doc__ = start.__doc__
    return server


# Tests that use one of these are marked `server`.

seaweedfs = serving(infra.seaweedfs)
postgres = serving(infra.postgres)
moto = serving(infra.moto)

# Tests that use one of these are marked `java`. Those of Kafka make topics of their own.

hive = serving(infra.hive)
hdfs = serving(infra.hdfs)
trino = serving(infra.trino, "postgres")
kafka = serving(infra.kafka)
registry = serving(infra.registry)
