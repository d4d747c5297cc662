"""Where a text stands in files of any kind, as a word: not within a longer run of letters, digits and `_`; upper and lower case are told apart."""

from __future__ import annotations

import json
import mmap
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

from event_platform.records.compression import compression_of, opened

if TYPE_CHECKING:
    from collections.abc import Iterable
    from io import BufferedReader
    from pathlib import Path

CHUNK_BYTES = 8 << 20
LEAST_CHARACTERS, LEAST_DIGITS = 4, 8
"""Shorter texts, and shorter numbers, stand everywhere by chance."""


@dataclass(frozen=True)
class Mention:
    """A text to look for, in the spellings in which files hold it: plain, within JSON (also JSON within JSON), within an address."""

    text: str

    @property
    def is_telling(self) -> bool:
        """Whether finding the text says anything: it is long enough not to stand somewhere by chance."""
        return len(self.text) >= (LEAST_DIGITS if self.text.isdigit() else LEAST_CHARACTERS)

    @cached_property
    def spellings(self) -> tuple[str, ...]:
        """The ways to write the text, the longest first."""
        escaped = [json.dumps(self.text, ensure_ascii=ascii)[1:-1] for ascii in (False, True)]
        twice = [json.dumps(each)[1:-1] for each in escaped]
        return tuple(sorted({self.text, *escaped, *twice, quote(self.text), quote(self.text, safe="")}, key=lambda each: (-len(each), each)))

    @cached_property
    def sql(self) -> str:
        """A regular expression for DuckDB."""
        return f"(^|[^0-9A-Za-z_])({'|'.join(map(re.escape, self.spellings))})($|[^0-9A-Za-z_])"

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The same for texts in Python."""
        return re.compile(rf"(?<![0-9A-Za-z_])(?:{'|'.join(map(re.escape, self.spellings))})(?![0-9A-Za-z_])")

    @cached_property
    def bytes_pattern(self) -> re.Pattern[bytes]:
        """The same for bytes."""
        return re.compile(self.pattern.pattern.encode())

    def is_in_file(self, path: Path) -> bool:
        """Whether a file holds it, as it is or decompressed; of a damaged file, as far as it can be decompressed."""
        if path.stat().st_size == 0:
            return False
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            if self.bytes_pattern.search(content):
                return True
            compression = compression_of(content[:4])
        return compression != "none" and self.is_in(_decompressed(path))

    def is_in(self, chunks: Iterable[bytes]) -> bool:
        """Whether the bytes hold it, wherever one chunk ends and the next begins."""
        overlap = max(len(each.encode()) for each in self.spellings) + 1
        held, first = b"", 0
        for chunk in chunks:
            held += chunk
            if any(first <= match.start() and match.end() < len(held) for match in self.bytes_pattern.finditer(held)):
                return True
            if len(held) > overlap:
                held, first = held[-overlap:], 1  # what stands before the first byte is not known any more
        return any(first <= match.start() for match in self.bytes_pattern.finditer(held))


def _decompressed(path: Path) -> Iterable[bytes]:
    import zlib

    import zstandard

    with cast("BufferedReader", opened(path)) as content:
        try:
            while chunk := content.read1(CHUNK_BYTES):  # `read` gives nothing of what is before the damage
                yield chunk
        except (EOFError, OSError, zlib.error, zstandard.ZstdError):  # damaged from here on
            return
