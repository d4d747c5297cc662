"""A proxy in front of a real S3 server that does to chosen requests what networks and busy servers do."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import urlsplit

HOP = {"connection", "keep-alive", "transfer-encoding"}


def answer(status: int, code: str) -> bytes:
    body = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>by the proxy</Message></Error>'.encode()
    return f"HTTP/1.1 {status} -\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


ANSWERS = {"slow down": answer(503, "SlowDown"), "expired": answer(400, "ExpiredToken"), "denied": answer(403, "AccessDenied")}


@dataclass
class Fault:
    """What happens to requests of a method whose path and query hold a text: one of ANSWERS instead of the server's, the connection cut `before`
    the server hears of it, its answer `lost`, or cut in the `middle` of the body. `times` is how often, then all is well.
    """

    method: str
    text: str
    kind: str
    times: int = 1


@dataclass
class Proxy:
    """`url` is its address; `faults` are to come, `seen` the requests that came."""

    url: str
    faults: list[Fault] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def fail(self, method: str, text: str, kind: str, times: int = 1) -> None:
        self.faults.append(Fault(method, text, kind, times))

    def next_fault(self, method: str, path: str) -> str:
        with self.lock:
            self.seen.append(f"{method} {path}")
            for fault in self.faults:
                if fault.times and fault.method == method and fault.text in path:
                    fault.times -= 1
                    return fault.kind
        return ""


class Handler(BaseHTTPRequestHandler):
    """One connection of a client; subclasses know the proxy and the server behind it."""

    protocol_version = "HTTP/1.1"
    proxy: ClassVar[Proxy]
    host: ClassVar[str]

    def pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        kind = self.proxy.next_fault(self.command, self.path)
        if kind in ANSWERS:
            self.wfile.write(ANSWERS[kind])
            return
        if kind != "before":
            told, content = self.ask(body)
            if kind != "lost":
                self.tell(told, content[: len(content) // 2] if kind == "middle" else content)
        self.close_connection = self.close_connection or bool(kind)

    def ask(self, body: bytes) -> tuple[http.client.HTTPResponse, bytes]:
        server = http.client.HTTPConnection(self.host, timeout=60)
        server.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in {*HOP, "expect"}:
                server.putheader(name, value)
        server.endheaders(body or None)
        told = server.getresponse()
        content = told.read()
        server.close()
        return told, content

    def tell(self, told: http.client.HTTPResponse, content: bytes) -> None:
        self.send_response_only(told.status)
        for name, value in told.getheaders():
            if name.lower() not in HOP:
                self.send_header(name, value)
        if "chunked" in told.getheader("Transfer-Encoding", ""):
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = pass_on

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def faulty_proxy(upstream: str) -> Iterator[Proxy]:
    """A proxy of a server for as long as the context lasts."""
    proxy = Proxy("")
    handler = type("Handler", (Handler,), {"proxy": proxy, "host": urlsplit(upstream).netloc})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        proxy.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield proxy
        finally:
            server.shutdown()
            thread.join()
