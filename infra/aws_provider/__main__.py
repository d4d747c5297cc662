"""The program that Terraform starts as the provider: it tells its schema, finds every configuration sound, and ends when told to."""

from __future__ import annotations

import json
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from infra.aws_provider import messages

NOTHING_TO_SAY = ("ValidateProviderConfig", "ValidateResourceConfig", "ValidateDataResourceConfig", "ConfigureProvider", "StopProvider")


def serve(schema: Path) -> None:
    """Listen on a socket that only this user can reach, say where on the standard output, and stay until Terraform is done."""
    answer, done = messages.schemas(json.loads(schema.read_text())), threading.Event()
    server = grpc.server(ThreadPoolExecutor(4))
    silent = grpc.unary_unary_rpc_method_handler(lambda *_: b"")
    methods = dict.fromkeys(NOTHING_TO_SAY, silent) | {"GetProviderSchema": grpc.unary_unary_rpc_method_handler(lambda *_: answer)}
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("tfplugin6.Provider", methods)])
    ending = grpc.unary_unary_rpc_method_handler(lambda *_: _end(done))
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("plugin.GRPCController", {"Shutdown": ending})])
    well = health.HealthServicer()
    well.set("plugin", health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(well, server)
    with tempfile.TemporaryDirectory() as folder:
        server.add_insecure_port(f"unix:{folder}/provider")
        server.start()
        sys.stdout.write(f"1|6|unix|{folder}/provider|grpc\n")  # as HashiCorp's go-plugin expects: its version, the protocol's, where, how
        sys.stdout.flush()
        done.wait()
        server.stop(grace=None)


def _end(done: threading.Event) -> bytes:
    done.set()
    return b""


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
