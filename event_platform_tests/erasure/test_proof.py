"""What the proof finds in files of every kind, also damaged ones: whatever can be read of them is looked through, and none stops it."""

import gzip
import io
from pathlib import Path

import fastavro
import pytest
import zstandard

from event_platform.engines.duckdb import connect
from event_platform.environment import read
from event_platform.erasure.proof import scan
from event_platform.lake.catalog import Lake
from event_platform.records.mentions import Mention

ADA = "Ada Lovelace"
PEOPLE = ["Ada Lovely", "B. Lovelace", ADA, *(f"person {number * 7919 % 100_003}" for number in range(20_000))]


def held(home: Path, content: bytes) -> list[str]:
    """Names of the files in which the person is found."""
    (home / "lake").mkdir(parents=True)
    (home / "lake" / "file").write_bytes(content)
    environment = read()
    with connect(environment) as duck:
        return [Path(name).name for name in scan(Lake(environment), duck, Mention(ADA)).held]


def avro(codec: str) -> bytes:
    target = io.BytesIO()
    schema = {"type": "record", "name": "person", "fields": [{"name": "who", "type": "string"}]}
    fastavro.writer(target, schema, [{"who": who} for who in PEOPLE], codec=codec)
    return target.getvalue()


def snappy_avro() -> bytes:
    import polars

    target = io.BytesIO()
    polars.DataFrame({"who": PEOPLE}).write_avro(target, compression="snappy")
    return target.getvalue()


def lines() -> bytes:
    return "\n".join(PEOPLE).encode()


WHOLE = {
    "gzip": lambda: gzip.compress(lines()),
    "zstd": lambda: zstandard.compress(lines()),
    "snappy": snappy_avro,
    **{codec: lambda codec=codec: avro(codec) for codec in ("deflate", "bzip2", "xz")},
}


@pytest.mark.parametrize("kind", WHOLE)
def test_the_person_is_found_however_a_file_is_compressed(home: Path, kind: str) -> None:
    content = WHOLE[kind]()
    assert ADA.encode() not in content
    assert held(home, content) == ["file"]


@pytest.mark.parametrize("kind", ["gzip", "zstd", "deflate"])
def test_the_person_is_found_in_what_can_be_read_of_a_file_that_is_cut_short(home: Path, kind: str) -> None:
    content = WHOLE[kind]()
    assert held(home, content[: len(content) * 9 // 10]) == ["file"]


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "content",
    [
        b"SQLite format 3\0" + b"no database" * 500,
        b"Obj\x01" + b"\xff" * 40,
        b"Obj\x01\x01" * 100,
        avro("deflate")[:20],
        avro("xz").replace(b"\xfd7zXZ", b"\xfd7zXY"),
        b"\x1f\x8b\x08" + b"x" * 99,
        b"PAR1" * 9,
    ],
    ids=["sqlite", "avro of nothing", "avro of marks", "avro cut", "avro damaged", "gzip", "parquet"],
)
def test_a_file_that_is_not_what_it_begins_like_holds_nobody_and_stops_nothing(home: Path, content: bytes) -> None:
    assert held(home, content) == []
