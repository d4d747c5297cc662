"""A lake on a real S3 server, under a prefix of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

import infra
from event_platform.lake.objects import object_store
from event_platform_tests.faulty_proxy import Proxy, faulty_proxy

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest


@pytest.fixture
def s3(seaweedfs: infra.SeaweedFS, monkeypatch: pytest.MonkeyPatch) -> Iterator[infra.SeaweedFS]:
    """The server, which AWS's variables lead to."""
    for name, value in seaweedfs.environment.items():
        monkeypatch.setenv(name, value)
    object_store.cache_clear()
    yield seaweedfs
    object_store.cache_clear()


@pytest.fixture
def lake_url(home: Path, s3: infra.SeaweedFS, monkeypatch: pytest.MonkeyPatch) -> str:  # noqa: ARG001 - the process is told of both
    """An empty lake on S3, which the process is told to use."""
    url = f"s3://{s3.bucket}/{uuid4().hex}/lake"
    monkeypatch.setenv("EVENT_PLATFORM_LAKE", url)
    monkeypatch.setenv("EVENT_PLATFORM_POLL_SECONDS", "0.05")
    return url


Asked = tuple[str, str]
"""A request: the operation, such as GetObject, and the URL."""


@pytest.fixture
def asked(s3: infra.SeaweedFS) -> Iterator[list[Asked]]:
    """The requests that this process makes of the server from now on."""
    heard: list[Asked] = []

    def hear(event_name: str, request: AWSPreparedRequest, **_: object) -> None:
        heard.append((event_name.rpartition(".")[2], request.url))

    store = object_store(f"s3://{s3.bucket}")
    clients = (store._client, store._placing)  # type: ignore[attr-defined] # the store is S3
    for client in clients:
        client.meta.events.register("before-send.s3.*", hear)
    yield heard
    for client in clients:
        client.meta.events.unregister("before-send.s3.*", hear)


@pytest.fixture
def proxy(s3: infra.SeaweedFS, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """A proxy that the process takes for the server."""
    with faulty_proxy(s3.endpoint) as between:
        monkeypatch.setenv("AWS_ENDPOINT_URL", between.url)
        object_store.cache_clear()
        yield between
