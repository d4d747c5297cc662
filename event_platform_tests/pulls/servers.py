"""HTTP servers that misbehave: one socket a connection, and what is sent is bytes that a test wrote down."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

Step = Callable[[socket.socket], None]


@dataclass
class Script:
    """A server that plays one step a request, the last one again and again; `asked` are the targets of the requests."""

    steps: list[Step]
    url: str = ""
    asked: list[str] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def parameters(self) -> list[dict[str, str]]:
        return [{name: values[0] for name, values in parse_qs(urlsplit(target).query).items()} for target in self.asked]

    def answer(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(20)
            head = b""
            while b"\r\n\r\n" not in head and (received := connection.recv(65536)):
                head += received
            if head:
                self.asked.append(head.split(b" ", 2)[1].decode())
                self.steps[min(len(self.asked), len(self.steps)) - 1](connection)


@contextmanager
def serving(*steps: Step) -> Iterator[Script]:
    """Play the steps on a free port of the loopback; what hangs is let go at the end."""
    script = Script(list(steps))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        script.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        thread = threading.Thread(target=_accept, args=(listening, script), daemon=True)
        thread.start()
        try:
            yield script
        finally:
            script.ended.set()
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def _accept(listening: socket.socket, script: Script) -> None:
    def play(connection: socket.socket) -> None:
        with suppress(OSError):  # the client went away, which is the client's affair
            script.answer(connection)

    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        threading.Thread(target=play, args=(connection,), daemon=True).start()


def sends(data: bytes) -> Step:
    """Send the bytes and close."""
    return lambda connection: connection.sendall(data)


def answers(body: object, status: str = "200 OK", **headers: str) -> Step:
    """A well-formed answer; a body that is not bytes becomes JSON."""
    return sends(message(body if isinstance(body, bytes) else json.dumps(body).encode(), status, **headers))


def message(body: bytes, status: str = "200 OK", **headers: str) -> bytes:
    """The bytes of an answer; `headers` have `_` for `-`, and may replace Content-Length."""
    lines = {"Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close"}
    lines |= {name.replace("_", "-"): value for name, value in headers.items()}
    return f"HTTP/1.1 {status}\r\n{''.join(f'{name}: {value}{chr(13)}{chr(10)}' for name, value in lines.items())}\r\n".encode() + body


def hangs(after: bytes, until: threading.Event) -> Step:
    """Send the bytes, then nothing, without closing."""

    def step(connection: socket.socket) -> None:
        connection.sendall(after)
        until.wait(20)

    return step


def trickles(after: bytes, drop: bytes, until: threading.Event) -> Step:
    """Send the bytes, then a drop again and again, often enough that no single wait is long."""

    def step(connection: socket.socket) -> None:
        connection.sendall(after)
        while not until.wait(0.02):
            connection.sendall(drop)

    return step
