"""One GET that is done well: asked again when that may help, never longer than the deadline, and its answer taken whole or not at all.

Nothing told here (errors, logs, file names) holds a query, a header or a body: addresses are shown as scheme, host and path.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from event_platform.errors import (
    ConfigurationError,
    PlatformError,
    RefusedError,
    TornAnswerError,
    TransientError,
    UnavailableError,
    UnusableAnswerError,
)
from event_platform.lake import files

if TYPE_CHECKING:
    import requests
    import tenacity

CHUNK_BYTES = 64 << 10
BUSY = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
"""The answers below 500 that ask for another try."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Patience:
    """How long and how often an API is asked.

    `connect_seconds` and `read_seconds` bound each wait for the network, `deadline_seconds` everything together: all attempts, the pauses
    between them, and bodies that trickle. The pause after an attempt is random, up to `first_pause_seconds` doubled with each attempt, and
    at least what `Retry-After` says; one that would pass the deadline is not begun. `most_bytes` is the largest body taken, decompressed.
    """

    connect_seconds: float = 10
    read_seconds: float = 30
    deadline_seconds: float = 300
    attempts: int = 5
    first_pause_seconds: float = 1
    longest_pause_seconds: float = 60
    most_bytes: int = 64 << 20


@dataclass(frozen=True)
class Request:
    """One GET. `secrets` are parameters of the query as well, but nothing shows them."""

    url: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def shown(self) -> str:
        """The address as people may see it: no user, no query."""
        parts = urlsplit(self.url)
        return files.shown(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}")


@dataclass(frozen=True)
class Answer:
    """A whole body, checked, in a file of its own; `records` is what the check counted, `attempts` how often the API was asked."""

    path: Path
    status: int
    bytes: int
    records: int
    attempts: int


def pull(
    request: Request,
    folder: Path,
    check: Callable[[Path], int],
    patience: Patience,
    *,
    before_attempt: Callable[[], None] = lambda: None,
    sleep: Callable[[float], None] = time.sleep,
) -> Answer:
    """Ask until there is an answer that `check` takes, and give it as a file in `folder`.

    `check` counts the records of a body and raises TornAnswerError when it may be the beginning of one. `before_attempt` may raise to hold an
    attempt back. Raises UnavailableError or TornAnswerError when the last attempt ended so; RefusedError, UnusableAnswerError and
    ConfigurationError at once, for asking again would not help.
    """
    deadline = time.monotonic() + patience.deadline_seconds
    for attempt in _attempts(patience, sleep):
        with attempt:
            before_attempt()
            number = attempt.retry_state.attempt_number
            path = folder / f"{number}.part"
            status = _ask(request, path, patience, deadline)
            return Answer(path, status, path.stat().st_size, check(path), number)
    raise AssertionError  # tenacity raises the last attempt's error


def _attempts(patience: Patience, sleep: Callable[[float], None]) -> tenacity.Retrying:
    from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, stop_before_delay, wait_random_exponential

    backoff = wait_random_exponential(patience.first_pause_seconds, patience.longest_pause_seconds)

    def pause(state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        return max(backoff(state), getattr(error, "wait_seconds", None) or 0.0)

    return Retrying(
        retry=retry_if_exception_type(TransientError),
        wait=pause,
        stop=stop_after_attempt(patience.attempts) | stop_before_delay(patience.deadline_seconds),
        before_sleep=_tell_of_pause,
        sleep=sleep,
        reraise=True,
    )


def _tell_of_pause(state: tenacity.RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    _log.warning("Attempt %d failed, the next is in %.1f s. %s", state.attempt_number, state.upcoming_sleep, error)


def _ask(request: Request, path: Path, patience: Patience, deadline: float) -> int:
    """One attempt; the HTTP status of an answer whose body is now in the file, as long as its sender said."""
    exchange = _Exchange(request, path, patience)
    exchange.start()
    exchange.join(max(0.0, deadline - time.monotonic()))
    if exchange.is_alive():
        exchange.abandon()
        raise UnavailableError(f"{request.shown} had not answered in full after {patience.deadline_seconds:g} s. {_TRY_LATER}")
    if exchange.error:
        raise exchange.error from None
    return exchange.status


_TRY_LATER = "Nothing was landed; try again later."


class _Exchange(threading.Thread):
    """Request and answer in a thread, since nothing else ends a name server that hangs or headers that trickle at a given time."""

    def __init__(self, request: Request, path: Path, patience: Patience) -> None:
        super().__init__(name="pull", daemon=True)
        self.request, self.path, self.patience = request, path, patience
        self.status, self.error = 0, None
        self._response: requests.Response | None = None

    error: PlatformError | None

    def run(self) -> None:
        try:
            self._exchange()
        except PlatformError as error:
            self.error = error
        except Exception as error:  # noqa: BLE001 - of the libraries; its text holds the query and so the secret, which its class does not
            self.error = _explained(self.request, error, self.patience)

    def abandon(self) -> None:
        """Let go of an answer that comes too late."""
        if self._response is not None:
            with suppress(OSError, RuntimeError, ValueError):  # it may have ended by itself at this very moment
                self._response.raw.shutdown()

    def _exchange(self) -> None:
        import requests

        _silence_library()
        with requests.Session() as session:
            self._response = session.get(
                self.request.url,
                params={**self.request.parameters, **self.request.secrets},
                headers={"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "event-platform"},
                timeout=(self.patience.connect_seconds, self.patience.read_seconds),
                allow_redirects=False,  # they would carry the secrets elsewhere
                stream=True,
            )
            with self._response as response:
                _require_ok(self.request, response)
                self._save(response)
                self.status = response.status_code

    def _save(self, response: requests.Response) -> None:
        size = 0
        with files.explained(f"Keeping the answer of {self.request.shown}"), self.path.open("xb") as file:
            for chunk in _chunks(response, self.request, self.patience):
                size += len(chunk)
                if size > self.patience.most_bytes:
                    raise UnusableAnswerError(
                        f"{self.request.shown} answers with more than {self.patience.most_bytes:,} bytes. Nothing was landed; ask for less "
                        "at a time, or raise EVENT_PLATFORM_PULL_MAX_MEGABYTES."
                    )
                file.write(chunk)


def _silence_library() -> None:
    """Keep all that the HTTP library logs of an exchange to itself, for it tells whole addresses, and not only to those who debug it."""
    for name in tuple(logging.root.manager.loggerDict):
        if name.partition(".")[0] == "urllib3":
            logging.getLogger(name).addFilter(_is_of_others)


def _is_of_others(_: logging.LogRecord) -> bool:
    return not isinstance(threading.current_thread(), _Exchange)


def _chunks(response: requests.Response, request: Request, patience: Patience) -> Iterator[bytes]:
    """The body; the library's errors are OSErrors, which must not be taken for the disk's."""
    import requests

    try:
        yield from response.iter_content(CHUNK_BYTES)
    except requests.RequestException as error:
        raise _explained(request, error, patience) from None


def _require_ok(request: Request, response: requests.Response) -> None:
    status = response.status_code
    if status == HTTPStatus.OK:
        return
    says = f"{request.shown} answers {status}{_phrase(status)}"
    if status in BUSY or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        wait_seconds = _retry_after(response.headers.get("Retry-After"))
        until = f" It asks to be left alone for {wait_seconds:.0f} s." if wait_seconds else ""
        raise UnavailableError(f"{says}.{until} {_TRY_LATER}", wait_seconds)
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        raise RefusedError(f"{says}. Nothing was landed; look whether the API key is the right one and may ask for this.")
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        raise RefusedError(f"{says}: what is asked for is elsewhere. Nothing was landed; put the API's own address into the setting.")
    raise RefusedError(f"{says}. Nothing was landed; look at the address and at what is asked for.")


def _phrase(status: int) -> str:
    try:
        return f" ({HTTPStatus(status).phrase})"
    except ValueError:
        return ""


def _retry_after(header: str | None) -> float | None:
    """Seconds to wait by RFC 9110, 10.2.3: a number of seconds or a date; None when the header says neither."""
    from urllib3.exceptions import InvalidHeader
    from urllib3.util import Retry

    try:
        return Retry().parse_retry_after(header) if header else None
    except (InvalidHeader, OverflowError, ValueError):
        return None


def _explained(request: Request, error: Exception, patience: Patience) -> PlatformError:
    """What happened, by the class of the library's error alone."""
    import requests
    from urllib3.exceptions import ReadTimeoutError

    shown = request.shown
    match error:
        case requests.exceptions.InvalidURL() | requests.exceptions.MissingSchema() | requests.exceptions.InvalidSchema():
            return ConfigurationError(f"{shown} is no address that can be asked. Correct it; it begins with http:// or https://.")
        case requests.exceptions.SSLError():
            return RefusedError(
                f"{shown} does not prove who it is (TLS). Nothing was landed; look at the address, the clock and the certificates here."
            )
        case requests.exceptions.ChunkedEncodingError() | requests.exceptions.ContentDecodingError():
            return TornAnswerError(f"The answer of {shown} ended before its end. {_TRY_LATER}")
        case requests.exceptions.ConnectTimeout():
            return UnavailableError(f"{shown} cannot be reached within {patience.connect_seconds:g} s. {_TRY_LATER}")
        case requests.exceptions.Timeout() | requests.exceptions.ConnectionError(args=[ReadTimeoutError()]):
            return UnavailableError(f"{shown} was silent for {patience.read_seconds:g} s. {_TRY_LATER}")
    return UnavailableError(f"{shown} cannot be reached, or broke the connection ({type(error).__name__}). {_TRY_LATER}")
