"""Real servers for tests, started by the first test that asks, one of each per test process, and Java that is quick to start."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import psutil
import pytest

import infra
from event_platform.environment import CHECKOUT
from infra.process import end

FETCHED = ("spark", "kafka", "registry", "trino", "hive", "hdfs")
"""What Maven fetches for tests, that which takes long last."""

SHORT_LIVED = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""A server or a Spark of a test ends before its best code would have paid for its compiling."""


@pytest.fixture(scope="session", autouse=True)
def short_lived_java() -> Iterator[None]:
    """Told to every Java that tests start, however indirectly, unless somebody has told them otherwise."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JDK_JAVA_OPTIONS", os.environ.get("JDK_JAVA_OPTIONS", SHORT_LIVED))
        yield


@pytest.fixture(scope="session", autouse=True)
def fetched_meanwhile(request: pytest.FixtureRequest) -> Iterator[None]:
    """Where servers were never started, the first test process has fetched what the tests' are made of while tests without them run."""
    chosen = [item for item in request.session.items if item.get_closest_marker("java")]
    if not chosen or os.environ.get("PYTEST_XDIST_WORKER", "gw0") != "gw0":
        yield
        return
    asked = {"spark"}.union(*(item.fixturenames for item in chosen))
    fetching = psutil.Popen([sys.executable, "-m", "infra.fetching", *(name for name in FETCHED if name in asked)], cwd=CHECKOUT)
    yield
    end(fetching)


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
