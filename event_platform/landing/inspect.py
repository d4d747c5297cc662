r"""What a landed file's bytes are: their hash, how many lines they hold, and whether they can be read as lines at all.

One pass over the file. Only ``\n`` ends a line; a last line without one counts. A blank line holds nothing but WHITE bytes; a
byte order mark at the start is not part of the first line. Compression is told by the first bytes, never by the name.
"""

from __future__ import annotations

import codecs
import hashlib
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, BinaryIO

from event_platform.records import careful, cells, documents, lines
from event_platform.records.compression import Compression, compression_of
from event_platform.records.lines import MAX_LINE_BYTES
from event_platform.sources.formats import Csv, Format

if TYPE_CHECKING:
    import duckdb

CHUNK_BYTES = 256 << 10
"""How much is read and looked at in one go; small enough to stay near the processor."""

HEAD_BYTES = 64 << 10
"""How much of the beginning, decompressed, tells lines from other kinds of file."""

CONTROL_SHARE = 0.3
"""A beginning with a greater share of control characters is not text."""

ZSTD_INPUT_BYTES = 4 << 10
"""A block of zstd takes at least 4 bytes and gives at most 128 KiB, so this much input gives at most 128 MiB, whatever it is."""


WHITE = lines.WHITE.encode() + b"\r"


@dataclass(frozen=True)
class Inspection:
    """The facts of one file.

    `bytes` and `sha256` (hexadecimal) are of the file as received, `lines` and `blank_lines` of what it holds when decompressed. `careful`: the
    fast reader cannot take it as it is (NUL, carriage return, invalid UTF-8, byte order mark, a line over MAX_LINE_BYTES, gzip padded with
    zeros). `unreadable`: a sentence why the file cannot be read as lines; it then counts as one line, not blank.
    """

    bytes: int
    sha256: str
    lines: int
    blank_lines: int
    careful: bool
    unreadable: str | None
    compression: Compression


def inspect(path: Path, chunk_bytes: int = CHUNK_BYTES) -> Inspection:
    """Read the file once and tell what it is, holding a few chunks in memory at a time (a zstd bomb: 128 MiB).

    `chunk_bytes` is at least 1 and at most MAX_LINE_BYTES. Raises OSError when the file cannot be read; a damaged one is a finding, not an error.
    """
    text = _Text()
    with path.open("rb", buffering=0) as file:
        received = _Received(file, chunk_bytes)
        compression = compression_of(received.first_bytes)
        try:
            unreadable = _scan(_DECOMPRESSED[compression](received), text)
        except (EOFError, _Damaged) as error:
            unreadable = f"The file's {compression} data are {'cut short' if isinstance(error, EOFError) else 'damaged'}."
        received.drain()
    if unreadable:
        return Inspection(received.size, received.sha256.hexdigest(), 1, 0, False, unreadable, compression)
    careful = text.careful or received.padded
    return Inspection(received.size, received.sha256.hexdigest(), text.lines, text.lines - text.filled_lines, careful, None, compression)


def are_read_again(form: Format) -> bool:
    """Whether `as_records` reads files of the format, since what `inspect` tells is not all."""
    return documents.is_document(form) or isinstance(form, Csv)


def as_records(found: Inspection, path: Path, form: Format, duck: duckdb.DuckDBPyConnection) -> Inspection:
    """What was found in a file, counted as its source's format counts: a document's records; without CSV's header and comments."""
    if documents.is_document(form):
        records, unreadable = documents.count(duck, form, path)
        return replace(found, lines=records, blank_lines=0, careful=False, unreadable=unreadable)
    if isinstance(form, Csv) and not found.unreadable:
        with TemporaryDirectory() as folder:
            readable = careful.copy(path, Path(folder) / "copy") if found.careful else path
            return replace(found, blank_lines=found.blank_lines + cells.count_without_record(duck, form, readable))
    return found


class _Received:
    """A file's bytes as they came, hashed while they are read."""

    def __init__(self, file: BinaryIO, chunk_bytes: int) -> None:
        self.first_bytes = file.read(4) or b""
        file.seek(0)
        self.size, self.sha256, self.padded, self.chunk_bytes = 0, hashlib.sha256(), False, chunk_bytes
        self._file = file

    def read(self) -> bytes:
        """The next chunk; empty at the end."""
        chunk = self._file.read(self.chunk_bytes) or b""
        self.size += len(chunk)
        self.sha256.update(chunk)
        return chunk

    def drain(self) -> None:
        """Read what nobody asked for, so that size and hash are those of the whole file."""
        while self.read():
            pass


class _Damaged(Exception):
    """Compressed data that cannot be decompressed."""


def _plain(received: _Received) -> Iterator[bytes]:
    return iter(received.read, b"")


def _gunzipped(received: _Received) -> Iterator[bytes]:
    """The bytes of every member, at most a chunk at a time. Zeros between and after members are padding, as tapes and disk images have it."""
    data = received.read()
    while data:
        member = zlib.decompressobj(wbits=31)
        while not member.eof:
            try:
                given = member.decompress(data, received.chunk_bytes)
            except zlib.error as error:
                raise _Damaged from error
            yield given
            data = member.unconsumed_tail
            if not data and not member.eof and len(given) < received.chunk_bytes:
                data = received.read()
                if not data and not given:
                    raise EOFError
        data = _after_padding(member.unused_data or received.read(), received)


def _after_padding(data: bytes, received: _Received) -> bytes:
    while data.startswith(b"\0"):
        received.padded = True
        data = data.lstrip(b"\0") or received.read()
    return data


def _unzstd(received: _Received) -> Iterator[bytes]:
    """The bytes of every frame, at most a chunk at a time."""
    import zstandard

    data = received.read()
    while data:
        frame = zstandard.ZstdDecompressor().decompressobj()
        while not frame.eof:
            if not data:
                raise EOFError
            try:
                given = frame.decompress(data[:ZSTD_INPUT_BYTES])
            except zstandard.ZstdError as error:
                raise _Damaged from error
            yield from _pieces(given, received.chunk_bytes)
            data = frame.unused_data + data[ZSTD_INPUT_BYTES:] or received.read()


def _pieces(data: bytes, most_bytes: int) -> Iterator[bytes]:
    return (data[start : start + most_bytes] for start in range(0, len(data), most_bytes))


_DECOMPRESSED = {"none": _plain, "gzip": _gunzipped, "zstd": _unzstd}


def _scan(chunks: Iterator[bytes], text: _Text) -> str | None:
    """Count what the chunks hold; a sentence instead when they are not lines."""
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= HEAD_BYTES:
            break
    if why := _not_text(head[:HEAD_BYTES]):
        return why
    for chunk in chain(_pieces(head.removeprefix(codecs.BOM_UTF8), MAX_LINE_BYTES), chunks):
        text.add(chunk)
    text.finish()
    text.careful |= head.startswith(codecs.BOM_UTF8)
    if _is_array(head[:HEAD_BYTES], text):
        return "The file is one JSON array, not one JSON object per line."
    return None


_KINDS = {
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"%PDF-": "a PDF document",
    b"PK\x03\x04": "a zip archive or an office document",
    b"PAR1": "a Parquet file",
    b"Obj\x01": "an Avro file",
    b"ARROW1": "an Arrow file",
    b"SQLite format 3\0": "a SQLite database",
    b"\x1f\x8b": "compressed twice (gzip within)",
    b"\x28\xb5\x2f\xfd": "compressed twice (zstd within)",
    b"BZh91AY&SY": "compressed with bzip2; gzip and zstd are read",
    b"\xfd7zXZ\0": "compressed with xz; gzip and zstd are read",
    b"\x04\x22\x4d\x18": "compressed with lz4; gzip and zstd are read",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive",
    b"\xd0\xcf\x11\xe0": "an office document",
    b"\x7fELF": "a program",
}
_WIDE_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r")) + b"\x7f"


def _not_text(head: bytes) -> str | None:
    """Why a file that begins so does not hold lines of UTF-8, as a sentence; None when it may."""
    for magic, kind in _KINDS.items():
        if head.startswith(magic):
            return f"The file is {kind}."
    if head[257:262] == b"ustar":
        return "The file is a tar archive."
    zeros = sorted(half.count(0) / max(1, len(half)) for half in (head[::2], head[1::2]))
    if head.startswith(_WIDE_MARKS) or (len(head) > 3 and zeros[1] > 0.9 > zeros[0]):
        return "The file is UTF-16 or UTF-32 text; only UTF-8 is read."
    if len(head) - len(head.translate(None, delete=_CONTROLS)) > CONTROL_SHARE * len(head):
        return "The file is binary, not text."
    return None


def _is_array(head: bytes, text: _Text) -> bool:
    """Whether the file is one array: it begins with `[`, ends with `]`, and its first line is not a JSON value that further lines follow.

    So `[1,2]` is a bad line among good ones, as is a torn `[1,` unless the last line ends with `]`. A first line longer than HEAD_BYTES
    counts as no value.
    """
    first_line, ended, _ = head.removeprefix(codecs.BOM_UTF8).lstrip(b" \t\r\n").partition(b"\n")
    if not first_line.startswith(b"[") or text.last_character != b"]":
        return False
    return text.filled_lines == 1 or not (ended and _is_json(first_line))


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


_FILLED_OR_END = bytes(ord("\n") if byte == ord("\n") else ord("x") for byte in range(256))


class _Text:
    """What the lines of a text are like, fed in chunks of at most MAX_LINE_BYTES that may end anywhere."""

    def __init__(self) -> None:
        self.lines = 0
        self.filled_lines = 0
        self.careful = False
        self.last_character = b""
        self._line_bytes = 0
        self._line_is_filled = False
        self._decoder: codecs.IncrementalDecoder | None = codecs.getincrementaldecoder("utf-8")()

    def add(self, chunk: bytes) -> None:
        """Look at the next chunk."""
        if not chunk:
            return
        import numpy as np

        seen = np.frombuffer(chunk, np.uint8)
        low = np.flatnonzero(seen <= ord("\r"))
        kinds = seen[low]
        ends = low[kinds == ord("\n")]
        starts = ends[:-1] + 1 if chunk.endswith(b"\n") else ends + 1
        self.lines += len(ends)
        self._count_filled(chunk, len(starts), at_once=chunk[0] > ord(" ") and bool((seen[starts] > ord(" ")).all()))
        self._measure(chunk, int(ends[0]) if len(ends) else None)
        self.careful |= len(low) > len(ends) and (b"\0" in chunk or b"\r" in chunk)
        self._decode(chunk)
        if last := chunk[-64:].rstrip() or chunk.rstrip():
            self.last_character = last[-1:]

    def finish(self) -> None:
        """Close the last line, if it lacks a newline."""
        self.lines += self._line_bytes > 0
        self._decode(b"", final=True)

    def _count_filled(self, chunk: bytes, starts: int, at_once: bool) -> None:
        """Count lines at their first byte that is not white; `at_once`: every line in the chunk begins with it, as lines of JSON do."""
        if at_once:
            self.filled_lines += starts + (not self._line_is_filled)
            self._line_is_filled = not chunk.endswith(b"\n")
            return
        marked = chunk.translate(_FILLED_OR_END, delete=WHITE)
        self.filled_lines += marked.count(b"\nx") + (marked.startswith(b"x") and not self._line_is_filled)
        self._line_is_filled = marked.endswith(b"x") or (not marked and self._line_is_filled)

    def _measure(self, chunk: bytes, first_end: int | None) -> None:
        """A line within a chunk is never overlong, so only those that cross from one to the next are measured."""
        self._line_bytes += len(chunk) if first_end is None else first_end
        self.careful |= self._line_bytes > MAX_LINE_BYTES
        if first_end is not None:
            self._line_bytes = len(chunk) - 1 - chunk.rfind(b"\n")

    def _decode(self, chunk: bytes, final: bool = False) -> None:
        """Check that the bytes are UTF-8, until they are not."""
        if self._decoder is None or (chunk.isascii() and not final and not self._decoder.getstate()[0]):
            return
        try:
            self._decoder.decode(chunk, final)
        except UnicodeDecodeError:
            self.careful, self._decoder = True, None
