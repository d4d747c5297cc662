"""The collector's HTTP surface. A handler reads, opens envelopes and answers; what becomes of events is the intake's business."""

from __future__ import annotations

import base64
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.routing import Route

from event_platform import environment as settings
from event_platform.errors import PermanentError
from event_platform.realtime import configuration, envelopes, metrics
from event_platform.realtime.access import Doorkeeper
from event_platform.realtime.bodies import body_of
from event_platform.realtime.embedded import EmbeddedSink
from event_platform.realtime.guard import Guard
from event_platform.realtime.intake import Intake
from event_platform.realtime.openapi import document
from event_platform.realtime.orphans import end_with_parent
from event_platform.realtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request
    from starlette.types import ASGIApp

    from event_platform.environment import Environment
    from event_platform.realtime.configuration import Collector
    from event_platform.realtime.sink import Sink

GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
"""One transparent dot."""

CLOUD_EVENTS = re.compile(r"application/cloudevents(-batch)?\+json")
SEGMENT_TYPES = ("track", "page", "identify", "screen", "group", "alias")


def create() -> ASGIApp:
    """The application of a worker process, as the environment and `collector.toml` say. Raises ConfigurationError."""
    end_with_parent()
    here = settings.read()
    chosen = configuration.read(here)
    handlers = Handlers(chosen, Intake(here, chosen.sources(), Doorkeeper(chosen), _sink(here, chosen)))
    app = Starlette(routes=handlers.routes(), exception_handlers=HANDLED, lifespan=handlers.lifespan)
    guarded = Guard(app, chosen.limits.requests_at_once)
    if not chosen.origins:
        return guarded
    headers = ["Authorization", "Content-Type", "Content-Encoding", "X-API-Key", "X-Request-Id"]
    return CORSMiddleware(guarded, allow_origins=chosen.origins, allow_methods=["GET", "POST"], allow_headers=headers, max_age=3600)


def _sink(here: Environment, chosen: Collector) -> Sink:
    if chosen.sink == "kafka":
        from event_platform.realtime.kafka.sink import KafkaSink

        return KafkaSink(here, chosen.sources().values(), chosen.limits.waiting_bytes)
    return EmbeddedSink(here, chosen.limits.waiting_bytes)


class Handlers:
    """One method a route."""

    def __init__(self, collector: Collector, intake: Intake) -> None:
        """Serve the topics of the intake."""
        self._collector, self._intake = collector, intake
        self._document = msgspec.json.encode(document(intake.topics))

    def routes(self) -> list[Route]:
        """Where each method is found."""
        segment = [Route(f"/v1/{kind}", self.segment, methods=["POST"]) for kind in ("batch", "import", *SEGMENT_TYPES)]
        return [
            Route("/event/{topic}.gif", self.image, methods=["GET"]),
            Route("/event/{topic}", self.events, methods=["POST"]),
            *segment,
            Route("/health", self.health, methods=["GET"]),
            Route("/metrics", self.metrics, methods=["GET"]),
            Route("/openapi.json", self.openapi, methods=["GET"]),
        ]

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """Drain when the worker ends."""
        yield
        await self._intake.close()

    async def events(self, request: Request) -> Response:
        """`POST /event/{topic}`: JSON objects, or CloudEvents by their content type."""
        source = self._intake.source(request.path_params["topic"])
        client = self._intake.doorkeeper.admit(request, source.name)
        body = await body_of(request, self._collector.limits)
        envelope = CLOUD_EVENTS.match(request.headers.get("content-type", ""))
        events = envelopes.cloud_events(source, body, bool(envelope[1])) if envelope else body
        return _answer(*await self._intake.take(source.name, events, client), request)

    async def image(self, request: Request) -> Response:
        """`GET /event/{topic}.gif?…`: the query is one event."""
        if request.method != "GET":
            raise Refusal(405, "An image's address is asked with GET.", {"Allow": "GET"})
        source = self._intake.source(request.path_params["topic"])
        client = self._intake.doorkeeper.admit(request, source.name)
        status, _ = await self._intake.take(source.name, envelopes.query(source, dict(request.query_params)), client)
        return Response(GIF, status, {"Cache-Control": "no-store"}, "image/gif")

    async def segment(self, request: Request) -> Response:
        """Segment's HTTP API: `/v1/batch` and one message of each type."""
        topic = self._collector.segment_topic
        source = self._intake.source(topic)
        kind = request.url.path.rpartition("/")[2]
        body = envelopes.decoded(await body_of(request, self._collector.limits))
        if not isinstance(body, dict):
            raise Refusal(400, "A JSON object is needed.")
        key = body.get("writeKey")
        client = self._intake.doorkeeper.admit(request, source.name, key if isinstance(key, str) else None)
        messages = body.get("batch") if kind in ("batch", "import") else [{**body, "type": kind}]
        if not isinstance(messages, list):
            raise Refusal(400, "`batch` must be an array of messages.")
        status, answer = await self._intake.take(source.name, envelopes.segment(messages), client)
        return _answer(status, {"success": status == 200, **answer}, request)

    async def health(self, request: Request) -> Response:
        """200 while events can be kept."""
        trouble = self._intake.sink.trouble()
        return _answer(503 if trouble else 200, {"status": "events cannot be kept at present" if trouble else "ok"}, request)

    async def metrics(self, _: Request) -> Response:
        """Prometheus' text format."""
        return Response(metrics.text(), media_type="text/plain; version=0.0.4")

    async def openapi(self, _: Request) -> Response:
        """What can be asked, as OpenAPI."""
        return Response(self._document, media_type="application/json")


def _answer(status: int, answer: dict[str, Any], request: Request, headers: dict[str, str] | None = None) -> Response:
    if status >= 400:
        answer["request_id"] = request.scope.get("request_id")
    return Response(msgspec.json.encode(answer), status, headers, "application/json")


async def _refused(request: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, Refusal)  # noqa: S101 - Starlette hands over what was registered
    return _answer(refusal.status, {"error": refusal.why}, request, refusal.headers)


async def _not_json(request: Request, error: Exception) -> Response:
    return _answer(400, {"error": str(error)}, request)


async def _no_route(request: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 404)
    return _answer(status, {"error": "There is nothing here; see /openapi.json."}, request, dict(getattr(error, "headers", None) or {}))


async def _failed(request: Request, _: Exception) -> Response:
    return _answer(500, {"error": "The collector failed; nothing of this request is promised to be kept. Send it again."}, request)


HANDLED = {Refusal: _refused, PermanentError: _not_json, 404: _no_route, 405: _no_route, 500: _failed}
