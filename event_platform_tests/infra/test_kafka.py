"""The broker and the registry listen on this machine alone."""

import psutil
import pytest

import infra

pytestmark = pytest.mark.java


def test_nothing_listens_beyond_loopback(kafka: infra.Kafka, registry: infra.Registry) -> None:
    listening = [
        found.laddr
        for server in psutil.Process().children()
        if server.name() == "java"
        for found in server.net_connections()
        if found.status == psutil.CONN_LISTEN
    ]
    assert {address.ip.removeprefix("::ffff:") for address in listening} == {"127.0.0.1"}
    assert {kafka.port, kafka.protected_port, registry.port} <= {address.port for address in listening}
