"""The proof: every byte under the lake and the home is read for the value, as it lies there and as programs read it.

Compressed files are decompressed, Parquet is read as rows, Avro (Iceberg's manifests with the bounds of columns) block by block, SQLite as cells.
The PostgreSQL in the home is asked by queries instead; its log of writes (WAL) may hold old rows until it is written over.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from io import SEEK_END, BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING

from event_platform.engines.duckdb import spill_folder
from event_platform.engines.spelling import literal_path
from event_platform.erasure.dagster_records import count_in_database, is_database
from event_platform.lake import files
from event_platform.lake.objects import object_store
from event_platform.lake.storage import is_remote, root
from event_platform.scratch import passing_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import duckdb

    from event_platform.environment import Environment
    from event_platform.erasure.dagster_places import DagsterPlaces
    from event_platform.lake.catalog import Lake
    from event_platform.records.mentions import Mention

PARQUET, AVRO = b"PAR1", b"Obj\x01"
MARK_BYTES = 16
"""Between the blocks of an Avro file."""
LONGEST_NUMBER_BYTES = 10
SNAPPY_MOST = 64
"""A byte of snappy's never stands for more."""
FILES_AT_ONCE = 100
"""Parquet files that one query reads."""


@dataclass
class Scanned:
    """What was read, and which files hold the value. `waiting` are files in the queue, whose records are taken out when they are claimed."""

    files: int = 0
    bytes: int = 0
    held: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    looked_for: bool = True


def scan(lake: Lake, duck: duckdb.DuckDBPyConnection, mention: Mention, dagster: DagsterPlaces | None = None) -> Scanned:
    """Read everything, and what Dagster keeps elsewhere; a value too short to tell is not looked for. Names of files are looked at too."""
    scanned = Scanned(looked_for=mention.is_telling)
    if not mention.is_telling:
        return scanned
    folders = {lake.environment.home, lake.environment.lake}
    for folder in files.outermost(folders):
        _scan_files(duck, mention, _files_in(folder, (folder / "postgres", spill_folder(duck))), scanned, {})
    if dagster:
        _scan_dagster(duck, mention, dagster, {folder.resolve() for folder in folders}, scanned)
    if is_remote(lake.location):
        _scan_objects(lake, duck, mention, scanned)
    return scanned


def empty_scratch(environment: Environment, duck: duckdb.DuckDBPyConnection, mention: Mention) -> int:
    """Delete files of the scratch folder that hold the value: copies of what is in a store, and what processes that died left; how many.

    The caller holds the locks under which such files are made. What DuckDB itself spills is let be.
    """
    scanned = Scanned()
    found = [path for path in _files_in(environment.scratch, (spill_folder(duck),)) if not path.name.startswith("duckdb_temp_")]
    if mention.is_telling:
        _scan_files(duck, mention, found, scanned, {})
    for name in scanned.held:
        Path(name).unlink(missing_ok=True)
    return len(scanned.held)


def _files_in(folder: Path, left_out: Sequence[Path]) -> list[Path]:
    found = [Path(each.path) for each in files.walk(folder) if each.is_file(follow_symlinks=False)]
    return [each for each in found if not any(each.is_relative_to(other) for other in left_out)]


def _scan_dagster(duck: duckdb.DuckDBPyConnection, mention: Mention, dagster: DagsterPlaces, scanned_before: set[Path], scanned: Scanned) -> None:
    elsewhere = [path for path in dagster.files() if not any(map(path.is_relative_to, scanned_before))]
    _scan_files(duck, mention, elsewhere, scanned, {})
    if dagster.bucket:
        logs = dagster.bucket.search(mention)
        scanned.files += logs.objects
        scanned.bytes += logs.bytes
        scanned.held += [f"s3://{dagster.bucket.bucket}/{key}" for key in logs.held]


def _scan_objects(lake: Lake, duck: duckdb.DuckDBPyConnection, mention: Mention, scanned: Scanned) -> None:
    store = object_store(root(lake.location))
    for number, found in enumerate(store.list(lake.location)):
        with passing_folder(lake.environment.scratch, "proof-") as folder:
            path = folder / f"{number}"
            if store.download(found.url, path) is not None:
                _scan_files(duck, mention, [path], scanned, {path: found.url})


def _scan_files(duck: duckdb.DuckDBPyConnection, mention: Mention, paths: Sequence[Path], scanned: Scanned, names: dict[Path, str]) -> None:
    parquet = []
    for path in paths:
        try:
            size = path.stat().st_size
            with path.open("rb") as file:
                beginning = file.read(4)
            held = _holds(path, beginning, mention, names.get(path, str(path)))
        except FileNotFoundError:  # others work meanwhile
            continue
        scanned.files += 1
        scanned.bytes += size
        if beginning == PARQUET and not held:
            parquet.append(path)
        elif held:
            _note(scanned, names.get(path, str(path)))
    for start in range(0, len(parquet), FILES_AT_ONCE):
        for path in _parquet_holding(duck, mention, parquet[start : start + FILES_AT_ONCE]):
            _note(scanned, names.get(path, str(path)))


def _note(scanned: Scanned, name: str) -> None:
    parts = name.split("/")
    waits = "landing" in parts and {"pending", "collecting"} & set(parts)
    (scanned.waiting if waits else scanned.held).append(name)


def _holds(path: Path, beginning: bytes, mention: Mention, name: str) -> bool:
    if mention.pattern.search(name) or mention.is_in_file(path):
        return True
    if beginning == AVRO:
        with path.open("rb") as file:
            return mention.is_in(avro_blocks(file))
    return is_database(path) and count_in_database(path, mention) > 0


def _parquet_holding(duck: duckdb.DuckDBPyConnection, mention: Mention, paths: Sequence[Path]) -> list[Path]:
    """The files of which a row holds the value; a file that is torn has no rows, and its bytes have been looked at."""
    import duckdb as engine

    listed = ", ".join(map(literal_path, paths))
    read = f"read_parquet([{listed}], filename = true, union_by_name = true, hive_partitioning = false)"
    rows = f"SELECT filename, to_json(_row)::VARCHAR AS line FROM {read} AS _row"
    try:
        found = duck.execute(f"SELECT DISTINCT filename FROM ({rows}) WHERE regexp_matches(line, $1)", [mention.sql]).fetchall()
    except engine.Error:
        if len(paths) == 1:
            return []
        return [path for each in paths for path in _parquet_holding(duck, mention, [each])]
    return [Path(name) for (name,) in found]


def avro_blocks(file: IO[bytes]) -> Iterator[bytes]:
    """The blocks of an Avro object container file, decompressed, as the Avro 1.11 specification lays them out; a damaged file as far as it goes."""
    from pyarrow import ArrowException
    from zstandard import ZstdError

    end = file.seek(0, SEEK_END)
    file.seek(len(AVRO))
    try:
        codec = _codec(file, end)
        file.read(MARK_BYTES)
        while True:
            _long(file)  # how many records the block holds
            yield UNPACK[codec](_bytes(file, end))
            file.read(MARK_BYTES)
    except (EOFError, KeyError, ValueError, OSError, zlib.error, lzma.LZMAError, ZstdError, ArrowException):
        return


def _codec(file: IO[bytes], end: int) -> bytes:
    """How the blocks are compressed, as the map at the beginning of the file tells."""
    codec = b"null"
    while count := _long(file):
        if count < 0:
            _long(file)
        for _ in range(abs(count)):
            key, value = _bytes(file, end), _bytes(file, end)
            codec = value if key == b"avro.codec" else codec
    return codec


def _unsnapped(block: bytes) -> bytes:
    """Snappy's format, which begins with the length of what it holds; Avro adds a checksum of four bytes."""
    import pyarrow as pa

    length = _number(BytesIO(block))
    if length > SNAPPY_MOST * len(block):
        raise ValueError
    return bytes(pa.decompress(block[:-4], length, "snappy", asbytes=True))


def _unzstd(block: bytes) -> bytes:
    import zstandard

    return zstandard.ZstdDecompressor().decompressobj().decompress(block)


UNPACK: dict[bytes, Callable[[bytes], bytes]] = {
    b"null": bytes,
    b"deflate": lambda block: zlib.decompressobj(wbits=-15).decompress(block),
    b"bzip2": lambda block: bz2.BZ2Decompressor().decompress(block),
    b"xz": lambda block: lzma.LZMADecompressor().decompress(block),
    b"zstandard": _unzstd,
    b"snappy": _unsnapped,
}
"""Every codec of the specification. Of a block that is cut short they give what they can."""


def _bytes(file: IO[bytes], end: int) -> bytes:
    """A length, and so many bytes, or what there is of them."""
    length = _long(file)
    if length < 0:
        raise ValueError
    return file.read(min(length, end - file.tell()))


def _long(file: IO[bytes]) -> int:
    """A whole number as Avro writes it: the sign in the last bit. Raises EOFError at the end of the file, ValueError for what is none."""
    value = _number(file)
    return (value >> 1) ^ -(value & 1)


def _number(file: IO[bytes]) -> int:
    """Seven bits a byte, the least first; the last byte has no eighth."""
    value = 0
    for shift in range(0, 7 * LONGEST_NUMBER_BYTES, 7):
        byte = file.read(1)
        if not byte:
            raise EOFError
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return value
    raise ValueError
