"""Taking records out of archived files: the one way in which the platform changes a file after it was claimed.

The file stays where it is, under its name, in its format and compression, without these records. What follows moves up, so lines are numbered anew;
in a file of a topic, where a line's number tells its offset, a blank line takes their place. Of files of lines every other byte stays; records of a
JSON document, Parquet or Avro file are written anew, with the same values.
"""

from __future__ import annotations

import gzip
from bisect import bisect_left, bisect_right
from contextlib import contextmanager
from functools import partial
from typing import IO, TYPE_CHECKING, cast

from event_platform.engines.spelling import literal, literal_path
from event_platform.lake import files
from event_platform.landing.object_queue import ObjectQueue
from event_platform.landing.queue import archive_folder
from event_platform.landing.topic_files import offsets_in
from event_platform.records import documents
from event_platform.records.compression import compression_of, opened
from event_platform.scratch import passing_folder
from event_platform.sources.formats import Avro, JsonDocument

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    import duckdb

    from event_platform.environment import Environment
    from event_platform.sources.contract import Source

CHUNK_BYTES = 4 << 20


def redact(
    environment: Environment, source: Source, landing_file: str, archive: Path, numbers: Sequence[int], duck: duckdb.DuckDBPyConnection
) -> None:
    """Put a file without these records (numbers from 1, in order; 0: without any) in the place of an archived one; it appears whole.

    `archive` is the folder in which the file can be read now. Raises PlatformError for a disk or store that does not take it.
    """
    with files.explained(f"Taking records out of {files.shown(landing_file)}"), passing_folder(environment.scratch, "redact-") as folder:
        original, rest = archive / landing_file, folder / "rest"
        if numbers[0] == 0:
            rest.touch()
        elif documents.is_document(source.format):
            _write_documents(duck, source, original, numbers, rest)
        else:
            _write_lines(original, numbers, rest, blank=offsets_in(landing_file) is not None)
        replace(environment, source, landing_file, rest)


def replace(environment: Environment, source: Source, landing_file: str, content: Path) -> None:
    """Put a file in the place of an archived one. Raises OSError and PlatformError."""
    if environment.lake_url:
        queue = ObjectQueue(environment, source)
        queue.store.upload(content, queue.archived_url(landing_file))
        return
    path = archive_folder(environment, source) / landing_file
    incoming = files.make_folder(archive_folder(environment, source).parent / ".incoming")
    copy = files.copy_in(content, incoming, path.stat().st_mtime_ns)
    copy.chmod(0o444)
    copy.replace(path)
    files.make_durable(path.parent)


def _write_lines(original: Path, numbers: Sequence[int], target: Path, blank: bool) -> None:
    with opened(original) as content, _compressed_like(original, target) as out:
        _write_all(out, kept(iter(partial(content.read, CHUNK_BYTES), b""), numbers, blank))


def _write_all(out: IO[bytes], pieces: Iterable[bytes]) -> None:
    for piece in pieces:  # zstd's writer has no `writelines`
        out.write(piece)


def kept(chunks: Iterable[bytes], numbers: Sequence[int], blank: bool = False) -> Iterator[bytes]:
    """The bytes of all lines but these, or with `blank` their line ends alone; a chunk in which none begins or goes on passes as it is."""
    first = 1
    for chunk in chunks:
        last = first + chunk.count(b"\n")
        gone = numbers[bisect_left(numbers, first) : bisect_right(numbers, last)]
        if gone:
            lines = [line + b"\n" for line in chunk.split(b"\n")]
            lines[-1] = lines[-1][:-1]
            for number in reversed(gone):
                place = number - first
                lines[place : place + 1] = [b"\n"] if blank and lines[place].endswith(b"\n") else []
            yield b"".join(lines)
        else:
            yield chunk
        first = last


@contextmanager
def _compressed_like(original: Path, target: Path) -> Iterator[IO[bytes]]:
    with original.open("rb") as file:
        compression = compression_of(file.read(4))
    with target.open("wb") as out:
        if compression == "none":
            yield out
        elif compression == "gzip":
            with gzip.GzipFile(filename="", mode="wb", fileobj=out, mtime=0) as packed:
                yield cast("IO[bytes]", packed)
        else:
            import zstandard

            with zstandard.ZstdCompressor().stream_writer(out, closefd=False) as packed:
                yield cast("IO[bytes]", packed)


def _write_documents(duck: duckdb.DuckDBPyConnection, source: Source, original: Path, numbers: Sequence[int], target: Path) -> None:
    if isinstance(source.format, JsonDocument):
        lines = target.with_name("lines")
        documents.write_lines(duck, source.format, original, lines)
        with lines.open("rb") as content, _compressed_like(original, target) as out:
            out.write(b"[")
            _write_all(out, _with_commas(kept(iter(partial(content.read, CHUNK_BYTES), b""), numbers)))
            out.write(b"]\n")
    elif isinstance(source.format, Avro):
        documents.rewrite_avro(original, numbers, target)
    else:
        gone = ", ".join(str(number - 1) for number in numbers)
        rest = f"SELECT * EXCLUDE (file_row_number) FROM read_parquet({literal_path(original)}, file_row_number = true, hive_partitioning = false)"
        duck.execute("SET preserve_insertion_order = true")
        try:
            duck.execute(f"COPY ({rest} WHERE file_row_number NOT IN ({gone})) TO {literal(str(target))} (FORMAT parquet)")
        finally:
            duck.execute("SET preserve_insertion_order = false")


def _with_commas(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """JSON lines as the members of an array; a line break within a text is escaped, so every newline parts two records."""
    begun = b""
    for chunk in chunks:
        if chunk:
            yield begun.replace(b"\n", b",\n")
            body = chunk.rstrip(b"\n")
            begun = chunk[len(body) :]
            yield body.replace(b"\n", b",\n")
