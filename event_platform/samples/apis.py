"""The APIs that feeds are pulled from, made up, for the demo and the tests: what they answer follows from what is asked.

`GET /records?date=YYYY-MM-DD&count=N` is the insights API; `GET /v4/weather/realtime?location=…&units=metric&apikey=…` answers as Tomorrow.io.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from event_platform.errors import UsageError
from event_platform.samples.insights import records_of
from event_platform.samples.weather import realtime

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

MOST_RECORDS = 1_000_000


def insights_api() -> Starlette:
    """An application that answers `/records`."""
    from starlette.applications import Starlette
    from starlette.routing import Route

    return Starlette(routes=[Route("/records", _records)])


def weather_api(now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Starlette:
    """An application that answers `/v4/weather/realtime` to whoever brings a key, whatever it is."""
    from starlette.applications import Starlette
    from starlette.routing import Route

    return Starlette(routes=[Route("/v4/weather/realtime", lambda request: _realtime(request, now()))])


def _records(request: Request) -> Response:
    from starlette.responses import Response

    try:
        day = date.fromisoformat(request.query_params["date"])
        count = int(request.query_params["count"])
        if not 0 <= count <= MOST_RECORDS:
            raise ValueError
    except (KeyError, ValueError):
        return _refusal(400, f"date=YYYY-MM-DD and count=0..{MOST_RECORDS} are needed")
    return Response(records_of(day, count), media_type="application/json")


def _realtime(request: Request, moment: datetime) -> Response:
    from starlette.responses import JSONResponse

    asked = request.query_params
    if not asked.get("apikey"):
        return _refusal(401, "apikey is needed")
    if not asked.get("location") or asked.get("units", "metric") != "metric":
        return _refusal(400, "location is needed, and units=metric")
    return JSONResponse(realtime(asked["location"], moment))


def _refusal(status: int, message: str) -> Response:
    from starlette.responses import JSONResponse

    return JSONResponse({"code": status * 1000 + 1, "type": "Refused", "message": message}, status)


def serve(application: Starlette, host: str, port: int, tell: Callable[[str], None]) -> None:
    """Answer until interrupted; port 0 takes a free one, and `tell` is told the address. Raises UsageError when it cannot be had.

    Requests are not logged, for they may hold keys.
    """
    import uvicorn

    try:
        listening = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise UsageError(f"Nothing can be served on {host}, port {port} ({error.strerror}). Take another with --port; 0 finds a free one.") from error
    with listening, suppress(KeyboardInterrupt):
        tell(f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}")
        server = uvicorn.Server(uvicorn.Config(application, log_level="warning", access_log=False))
        server.run(sockets=[listening])


@contextmanager
def opened(application: Starlette) -> Iterator[str]:
    """Answer from this process, on a free port of the loopback whose address is given; requests before it is ready wait in the socket's queue."""
    import uvicorn

    server = uvicorn.Server(uvicorn.Config(application, log_level="warning", access_log=False))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
