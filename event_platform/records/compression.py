"""Compressed files, told by their first bytes, never by their name."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Literal, cast

if TYPE_CHECKING:
    from pathlib import Path

Compression = Literal["none", "gzip", "zstd"]


def compression_of(first_bytes: bytes) -> Compression:
    """How a file is compressed, by its first 4 bytes (or all, if it has fewer)."""
    if first_bytes.startswith(b"\x1f\x8b"):
        return "gzip"
    skippable_frame = first_bytes[1:4] == b"\x2a\x4d\x18" and first_bytes[0] >> 4 == 5
    return "zstd" if first_bytes.startswith(b"\x28\xb5\x2f\xfd") or skippable_frame else "none"


def opened(path: Path) -> IO[bytes]:
    """The content of a file, decompressed."""
    with path.open("rb") as file:
        start = file.read(4)
    kind = compression_of(start)
    if kind == "gzip":
        import gzip

        return cast("IO[bytes]", gzip.open(path, "rb"))
    if kind == "zstd":
        import zstandard

        return cast("IO[bytes]", zstandard.ZstdDecompressor().stream_reader(path.open("rb"), read_across_frames=True, closefd=True))
    return path.open("rb")
