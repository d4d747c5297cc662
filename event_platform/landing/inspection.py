"""What the bytes of a file are: their hash, how many lines they hold, and whether they can be read as lines at all."""

from __future__ import annotations

import codecs
import gzip
import hashlib
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal, cast

if TYPE_CHECKING:
    from hashlib import _Hash

CHUNK_BYTES = 2 * 1024 * 1024
MAX_LINE_BYTES = 8 * 1024 * 1024
"""A longer line is quarantined; an event is a few hundred bytes."""

Compression = Literal["none", "gzip", "zstd"]
MAGIC: dict[bytes, Compression] = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
SUFFIXES: dict[str, Compression] = {".gz": "gzip", ".zst": "zstd"}
"""What the fast reader takes a file for; one that is something else is read from a copy."""

BINARY_MAGIC = {
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"PK\x03\x04": "a zip archive",
    b"PAR1": "a Parquet file",
    b"%PDF": "a PDF document",
    b"SQLite format 3\x00": "a SQLite database",
    b"Obj\x01": "an Avro file",
    b"BZh": "a bzip2 file",
    b"\x7fELF": "a program",
}
WIDE_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
WHITE = b" \t\v\f\r\n"
BLANK_LINE = re.compile(rb"^[ \t\v\f\r]*$", re.MULTILINE)
MAY_BEGIN_BLANK_LINE = re.compile(rb"\n[ \t\v\f\r\n]")
"""Without this there is no blank line after the first; a quick test before the exact one."""


@dataclass(frozen=True)
class Inspection:
    """What one pass over a file found. `bytes` and `sha256` are of the file as received, the rest after decompression.

    `careful`: lines must be read from a cleaned copy. `unreadable`: why the file cannot be read as lines; it then counts as one line.
    """

    bytes: int
    sha256: str
    lines: int = 0
    blank_lines: int = 0
    careful: bool = False
    unreadable: str | None = None
    compression: Compression = "none"


def inspect(path: Path) -> Inspection:
    """Read the file once, whatever it is; one that cannot be read is a finding, not an error."""
    try:
        return _inspect(path)
    except OSError as error:
        return Inspection(0, "", lines=1, unreadable=f"it cannot be read ({error.strerror})")


def _inspect(path: Path) -> Inspection:
    with _Received(path) as received:
        count = _LineCount()
        reason: str | None = None
        try:
            for chunk in received.chunks():
                reason = reason or (_not_text(chunk) if count.first else None)
                count.add(chunk)
        except (EOFError, zlib.error, OSError) as error:
            if isinstance(error, OSError) and not isinstance(error, gzip.BadGzipFile):
                raise
            reason = f"the {received.compression} data are cut off or damaged"
        except Exception as error:
            if type(error).__name__ != "ZstdError":
                raise
            reason = "the zstd data are cut off or damaged"
        received.finish()
    size, digest = received.size, received.digest
    if reason:
        return Inspection(size, digest, lines=1, unreadable=reason, compression=received.compression)
    count.finish()
    misnamed = received.compression != SUFFIXES.get(path.suffix, "none")
    return Inspection(size, digest, count.lines, count.blank, count.careful or misnamed, None, received.compression)


class _Received:
    """A file's bytes, hashed as they are read, decompressed when their first bytes say so."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.hash: _Hash = hashlib.sha256()
        self.size = 0
        self.compression: Compression = "none"

    def __enter__(self) -> _Received:
        self.file = self.path.open("rb")
        start = self.file.read(4)
        self.file.seek(0)
        self.compression = next((kind for magic, kind in MAGIC.items() if start.startswith(magic)), "none")
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    @property
    def digest(self) -> str:
        return self.hash.hexdigest()

    def read(self, size: int = -1) -> bytes:
        data = self.file.read(size)
        self.hash.update(data)
        self.size += len(data)
        return data

    def chunks(self) -> Iterator[bytes]:
        stream = _decompressed(self, self.compression)
        while chunk := stream.read(CHUNK_BYTES):
            yield chunk

    def finish(self) -> None:
        while self.read(CHUNK_BYTES):
            pass


def _decompressed(received: _Received, compression: Compression) -> _Received | IO[bytes]:
    raw = cast("IO[bytes]", received)  # the decompressors ask for read() alone
    if compression == "gzip":
        return cast("IO[bytes]", gzip.GzipFile(fileobj=raw))
    if compression == "zstd":
        import zstandard

        return cast("IO[bytes]", zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True))
    return received


def _not_text(start: bytes) -> str | None:
    """Why a file that begins so cannot hold lines of text; None when it can."""
    for magic, what in BINARY_MAGIC.items():
        if start.startswith(magic):
            return f"it is {what}"
    head = start[:65536]
    if head.startswith(WIDE_MARKS) or (len(head) > 3 and head[1:64:2].count(0) > 24) or (len(head) > 3 and head[0:64:2].count(0) > 24):
        return "it is UTF-16 or UTF-32; files must be UTF-8"
    controls = len(head) - len(head.translate(None, delete=bytes(set(range(32)) - {9, 10, 13})))
    if controls > len(head) * 0.3:
        return "it is binary"
    if _is_array(start):
        return "it is one JSON array; files must hold one object a line"
    return None


def _is_array(start: bytes) -> bool:
    """A file that opens an array of objects, on one line or several; a line such as `[1,2]` among others is not that."""
    return re.match(rb"(\xef\xbb\xbf)?\s*\[\s*(\{|$)", start) is not None


class _LineCount:
    """Lines, blank lines and trouble, chunk by chunk; the part after the last newline waits for the next chunk."""

    def __init__(self) -> None:
        self.lines = self.blank = 0
        self.careful = False
        self.first = True
        self.rest = b""
        self.rest_is_long = False

    def add(self, chunk: bytes) -> None:
        if self.first:
            self.first = False
            self.careful |= chunk.startswith(codecs.BOM_UTF8)
        end = chunk.rfind(b"\n") + 1
        if not end:
            self._keep(self.rest + chunk)
            return
        whole = self.rest + chunk[:end]
        self._look_for_trouble(whole)
        self.lines += whole.count(b"\n")
        self.blank += _blank_lines(whole)
        if self.rest_is_long or (len(whole) > MAX_LINE_BYTES and max(map(len, whole.split(b"\n"))) > MAX_LINE_BYTES):
            self.careful = True
        self.rest_is_long = False
        self._keep(chunk[end:])

    def finish(self) -> None:
        if self.rest:
            self._look_for_trouble(self.rest)
            self.lines += 1
            self.blank += not self.rest.strip(WHITE)

    def _keep(self, rest: bytes) -> None:
        """Hold on to an unfinished line, but not to more of it than shows that it is too long."""
        if len(rest) > MAX_LINE_BYTES:
            self.rest_is_long = self.careful = True
            rest = b"x"
        self.rest = rest

    def _look_for_trouble(self, text: bytes) -> None:
        """`text` begins and ends where characters do."""
        if self.careful:
            return
        self.careful = b"\r" in text or b"\x00" in text or not (text.isascii() or _is_utf8(text))


def _is_utf8(text: bytes) -> bool:
    """Arrow validates five times as fast as bytes.decode."""
    import pyarrow as pa

    offsets = pa.py_buffer(struct.pack("<qq", 0, len(text)))
    try:
        pa.Array.from_buffers(pa.large_string(), 1, [None, offsets, pa.py_buffer(text)]).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _blank_lines(whole: bytes) -> int:
    """Blank lines in a run of whole lines, each with its newline."""
    if whole[:1] not in WHITE and not MAY_BEGIN_BLANK_LINE.search(whole):
        return 0
    return sum(1 for match in BLANK_LINE.finditer(whole) if match.end() < len(whole))
