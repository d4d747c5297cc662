"""The OpenAPI document of the collector; what an event is follows from its contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from event_platform.sources.contract import Column, Source

TYPES: dict[str, dict[str, Any]] = {
    "string": {"type": "string"},
    "long": {"type": "integer", "format": "int64"},
    "double": {"type": "number"},
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "timestamp": {"type": "string", "format": "date-time"},
    "json": {},
}
REFUSALS = {
    "400": "Not JSON, or torn",
    "401": "No key that is known",
    "403": "The key is not for this",
    "404": "No such topic",
    "408": "The body came too slowly",
    "413": "The body is too large",
    "415": "The body is packed in an unknown way",
    "422": "Some events are broken; the others are kept",
    "429": "More events than the key may bring; see Retry-After",
    "503": "Cannot be kept at present; see Retry-After",
}


def document(topics: Mapping[str, Source]) -> dict[str, Any]:
    """The document, OpenAPI 3.1."""
    schemas = {name: _event(source) for name, source in topics.items()}
    anything = {"type": "object"}
    paths = {
        **{f"/event/{name}": {"post": _post(f"Events of {name}", _one_or_many(name), f"post_{name}")} for name in topics},
        **{f"/event/{name}.gif": {"get": _image(source)} for name, source in topics.items()},
        "/v1/batch": {"post": _post("Segment: messages", {"type": "object", "required": ["batch"]}, "segment_batch")},
        **{f"/v1/{kind}": {"post": _post(f"Segment: {kind}", anything, f"segment_{kind}")} for kind in ("track", "page", "identify")},
        "/health": {"get": _get("Whether events can be kept", "health", {"503": REFUSALS["503"]})},
        "/metrics": {"get": _get("Figures for Prometheus", "metrics", {})},
    }
    return {"openapi": "3.1.0", "info": {"title": "Collector", "version": "1"}, "paths": paths, "components": {"schemas": schemas}}


def _event(source: Source) -> dict[str, Any]:
    columns = source.read_columns
    return {
        "type": "object",
        "description": source.title,
        "properties": {column.path[0]: _value(column) for column in columns},
        "required": sorted({column.path[0] for column in columns if source.must_hold(column)}),
    }


def _value(column: Column) -> dict[str, Any]:
    if len(column.path) > 1:
        return {"type": "object"}
    kind = {"type": "integer"} if column.written.startswith("epoch") else TYPES[column.type]
    return {**kind, "description": column.meaning}


def _one_or_many(name: str) -> dict[str, Any]:
    one = {"$ref": f"#/components/schemas/{name}"}
    return {"oneOf": [one, {"type": "array", "items": one}]}


def _post(summary: str, schema: dict[str, Any], operation: str) -> dict[str, Any]:
    content = {"application/json": {"schema": schema}}
    return {"operationId": operation, "summary": summary, "requestBody": {"required": True, "content": content}, "responses": _responses(REFUSALS)}


def _image(source: Source) -> dict[str, Any]:
    parameters = [
        {"name": column.path[0], "in": "query", "schema": {"type": "string"}, "description": column.meaning}
        for column in source.read_columns
        if len(column.path) == 1
    ]
    responses = _responses(REFUSALS) | {"200": {"description": "Kept", "content": {"image/gif": {}}}}
    return {"operationId": f"image_{source.name}", "summary": "One event, as an image's address", "parameters": parameters, "responses": responses}


def _get(summary: str, operation: str, refusals: dict[str, str]) -> dict[str, Any]:
    return {"operationId": operation, "summary": summary, "responses": _responses(refusals)}


def _responses(refusals: dict[str, str]) -> dict[str, Any]:
    return {"200": {"description": "All is well"}} | {status: {"description": why} for status, why in refusals.items()}
