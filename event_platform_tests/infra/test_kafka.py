"""The broker and the registry listen on this machine alone."""

import psutil
import pytest

import infra

pytestmark = pytest.mark.java


def listening(server: psutil.Process) -> dict[int, str]:
    """Its addresses by port."""
    found = (connection for connection in server.net_connections() if connection.status == psutil.CONN_LISTEN)
    return {connection.laddr.port: connection.laddr.ip.removeprefix("::ffff:") for connection in found}


def test_nothing_listens_beyond_loopback(kafka: infra.Kafka, registry: infra.Registry) -> None:
    asked = {kafka.port, kafka.protected_port, registry.port}
    servers = [listening(server) for server in psutil.Process().children() if server.name() == "java"]
    ours = [addresses for addresses in servers if asked & addresses.keys()]
    assert asked <= {port for addresses in ours for port in addresses}
    assert {address for addresses in ours for address in addresses.values()} == {"127.0.0.1"}
