"""Reading a request's body within limits of size, also once it is unpacked, and of time."""

from __future__ import annotations

import asyncio
import zlib
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect

from event_platform.realtime.refusal import Refusal

if TYPE_CHECKING:
    from starlette.requests import Request

    from event_platform.realtime.configuration import Limits

_WINDOWS = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


async def body_of(request: Request, limits: Limits) -> bytes:
    """The body, unpacked. Raises Refusal: 408 too slow, 413 too large, 415 packed in another way, 400 torn."""
    try:
        async with asyncio.timeout(limits.body_seconds):
            packed = await _read(request, limits.body_bytes)
    except TimeoutError:
        raise Refusal(408, f"The body did not arrive within {limits.body_seconds:g} s.", {"Connection": "close"}) from None
    except ClientDisconnect:
        raise Refusal(400, "The body ended before its end.") from None
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    return packed if encoding == "identity" else _unpacked(packed, encoding, limits.body_bytes)


async def _read(request: Request, most: int) -> bytes:
    said = request.headers.get("content-length", "")
    if said.isdecimal() and int(said[:20]) > most:
        raise _too_large(most)
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > most:
            raise _too_large(most)
        chunks.append(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _unpacked(packed: bytes, encoding: str, most: int) -> bytes:
    """At most one byte more than allowed is ever unpacked."""
    if encoding not in _WINDOWS:
        raise Refusal(415, "Bodies may be packed with gzip or deflate.", {"Accept-Encoding": "gzip, deflate"})
    unpacker = zlib.decompressobj(_WINDOWS[encoding])
    try:
        body = unpacker.decompress(packed, most + 1)
    except zlib.error:
        raise Refusal(400, f"The body is not {encoding}.") from None
    if len(body) > most:
        raise _too_large(most)
    if not unpacker.eof:
        raise Refusal(400, f"The {encoding} body ends before its end.")
    if unpacker.unused_data:
        raise Refusal(400, f"The {encoding} body goes on after its end. Send one {encoding} stream.")
    return body


def _too_large(most: int) -> Refusal:
    return Refusal(413, f"The body is larger than {most:,} bytes, unpacked. Send fewer events at a time.", {"Connection": "close"})
