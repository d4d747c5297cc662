"""Real servers for tests, started by the first test that asks, one of each per test process."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import infra


@pytest.fixture(scope="session")
def server_folder() -> Iterator[Path]:
    """Where servers keep their data. Not in pytest's folders: run by root, some servers are another user's, whom pytest would lock out."""
    with tempfile.TemporaryDirectory(prefix="event-platform-servers-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(scope="session")
def seaweedfs(server_folder: Path) -> Iterator[infra.SeaweedFS]:
    """S3 with a bucket `lake`."""
    with infra.seaweedfs(server_folder / "seaweedfs") as server:
        yield server
