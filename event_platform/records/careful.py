"""Clean copies of files that hold bytes the fast reader cannot take, so that one bad line does not cost the others.

A copy has the same lines under the same numbers. What was wrong becomes a control character, which JSON forbids, so the line cannot be
mistaken for a sound one, and `parse` can tell the reason. Bytes go through in chunks, never line by line.
"""

from __future__ import annotations

import codecs
from typing import IO, TYPE_CHECKING

from event_platform.records.compression import opened
from event_platform.records.lines import BAD_UTF8, CARRIAGE_RETURN, MAX_LINE_BYTES, OVERLONG, SHOWN_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

CHUNK_BYTES = 4 * 1024 * 1024
"""Read at a time; smaller than MAX_LINE_BYTES, so a line within one chunk is never overlong."""

_MARKS = bytes.maketrans(b"\x00\x01\x02\x04\x05", b"\x02\x1f\x1f\x1f\x1f")


def copy(original: Path, target: Path) -> Path:
    """Write a clean UTF-8 copy of a file of lines, decompressed, and give its path.

    Raises OSError, EOFError or pyarrow's ArrowException when the file cannot be read or decompressed.
    """
    with opened(original) as stream, target.open("wb") as out:
        out.writelines(_cut(_clean(_chunks(stream))))
    return target


def _chunks(stream: IO[bytes]) -> Iterator[bytes]:
    """The content without a byte order mark; a carriage return is never the last byte of a chunk but the last chunk's."""
    held = stream.read(CHUNK_BYTES).removeprefix(codecs.BOM_UTF8)
    while chunk := stream.read(CHUNK_BYTES):
        yield held[:-1] if held.endswith(b"\r") else held
        held = b"\r" + chunk if held.endswith(b"\r") else chunk
    yield held


def _clean(chunks: Iterable[bytes]) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder("utf-8")("event_platform_mark")
    for chunk in chunks:
        ends = chunk.replace(b"\r\n", b"\n")
        yield decoder.decode(ends.translate(_MARKS)).replace("\r", CARRIAGE_RETURN).encode()
    yield decoder.decode(b"", final=True).encode()


def _mark_bytes(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)  # noqa: S101 - the decoder above raises nothing else
    return BAD_UTF8 * (error.end - error.start), error.end


codecs.register_error("event_platform_mark", _mark_bytes)


def _cut(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Whole lines, overlong ones cut and marked; at most MAX_LINE_BYTES and one chunk are held."""
    held, beyond = b"", 0
    for chunk in chunks:
        first_end = chunk.find(b"\n")
        if first_end < 0:
            held, beyond = _grow(held, beyond, chunk)
            continue
        held, beyond = _grow(held, beyond, chunk[:first_end])
        last_end = chunk.rfind(b"\n")
        yield _line(held, beyond)
        yield chunk[first_end : last_end + 1]
        held, beyond = chunk[last_end + 1 :], 0
    yield _line(held, beyond)


def _grow(held: bytes, beyond: int, more: bytes) -> tuple[bytes, int]:
    """The line so far, and how many bytes of it are no longer held."""
    if beyond or len(held) + len(more) > MAX_LINE_BYTES:
        kept = held[:SHOWN_BYTES] if beyond else (held + more)[:SHOWN_BYTES]
        return kept, beyond + len(held) + len(more) - len(kept)
    return held + more, 0


def _line(held: bytes, beyond: int) -> bytes:
    if not beyond:
        return held
    beginning = held.decode(errors="ignore").encode()
    return f"{OVERLONG}{len(held) + beyond}{OVERLONG}".encode() + beginning
