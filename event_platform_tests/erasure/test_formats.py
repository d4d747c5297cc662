"""Records of suppressed persons leave archived files of every format; all others stay, with the values they had."""

import gzip
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from event_platform import accounting, tables
from event_platform.engines.duckdb import connect
from event_platform.environment import Environment, read
from event_platform.errors import ConfigurationError
from event_platform.lake.catalog import Lake
from event_platform.landing import ledger, queue
from event_platform.landing.claiming import claim_pending
from event_platform.landing.redaction import kept
from event_platform.landing.waiting import pending_folder
from event_platform.sources.contract import Column, Source, Subject
from event_platform.sources.formats import Avro, Csv, Format, JsonDocument, JsonLines, Parquet
from event_platform.stage.staging import landed_dates, reparse, stage_pending
from event_platform.suppression import Suppression

ADA, BEN, ZOE = "Ada L.", "Ben, jr", "Zoë"
RECORDS = [{"id": str(number), "at": "2026-03-01T10:00:00", "who": who} for number, who in enumerate([BEN, ADA, ZOE, ADA, BEN], 1)]


def _polars() -> Any:
    import polars

    return polars


def readings(form: Format) -> Source:
    return Source(
        name="readings",
        title="Readings",
        owner="team:test",
        event_id="id",
        timestamp="at",
        kind=("id",),
        format=form,
        columns=(
            Column("id", "string", "", nullable=False),
            Column("at", "timestamp", "", nullable=False),
            Column("who", "string", "", personal=True),
        ),
        subjects=(Subject("name", ("who",)),),
    )


def as_lines(records: list[dict[str, str]]) -> bytes:
    return "".join(f"{json.dumps(record)}\n" for record in records).encode()


def as_csv(records: list[dict[str, str]]) -> bytes:
    return ("# comment\nwho;id;at\n" + "".join(f'"{each["who"]}";{each["id"]};{each["at"]}\n' for each in records)).encode()


def as_parquet(records: list[dict[str, str]]) -> bytes:
    target = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(records), target)
    return target.getvalue()


def as_avro(records: list[dict[str, str]]) -> bytes:
    target = io.BytesIO()
    _polars().DataFrame(records).write_avro(target)
    return target.getvalue()


@dataclass(frozen=True)
class Form:
    """A format: the file's name, how records become bytes, and how an archived file's bytes are compared."""

    name: str
    form: Format
    write: Callable[[list[dict[str, str]]], bytes]
    read: Callable[[bytes], Any] = bytes


FORMS = [
    Form("a.json", JsonLines(), as_lines),
    Form("a.json.gz", JsonLines(), lambda records: gzip.compress(as_lines(records)), gzip.decompress),
    Form(
        "a.json.zst",
        JsonLines(),
        lambda records: zstandard.compress(as_lines(records)),
        lambda content: zstandard.ZstdDecompressor().decompressobj().decompress(content),
    ),
    Form("windows.json", JsonLines(), lambda records: b"\xef\xbb\xbf" + as_lines(records).replace(b"\n", b"\r\n")),
    Form("a.csv", Csv(delimiter=";", comment="#"), as_csv),
    Form("document.json", JsonDocument(), lambda records: json.dumps(records, indent=1).encode(), json.loads),
    Form(
        "document.json.gz",
        JsonDocument(),
        lambda records: gzip.compress(json.dumps(records).encode()),
        lambda content: json.loads(gzip.decompress(content)),
    ),
    Form("a.parquet", Parquet(), as_parquet, lambda content: pq.read_table(io.BytesIO(content)).to_pylist()),
    Form("a.avro", Avro(), as_avro, lambda content: _polars().read_avro(io.BytesIO(content)).to_dicts()),
]


def land(environment: Environment, source: Source, name: str, content: bytes) -> None:
    pending = pending_folder(environment, source)
    pending.mkdir(parents=True, exist_ok=True)
    (pending / name).write_bytes(content)


@pytest.mark.parametrize("suppressed_first", [True, False], ids=["arriving", "archived"])
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_records_of_a_suppressed_person_leave_the_file(form: Form, suppressed_first: bool, home: Path) -> None:  # noqa: ARG001 - the process is told of it
    source, environment = readings(form.form), read()
    lake, suppression = Lake(environment), Suppression.of(environment)
    hashes = [suppression.hash("name", who) for who in (ADA, ZOE)]
    land(environment, source, form.name, form.write(RECORDS))
    with connect(environment) as duck:
        if suppressed_first:
            _ = [suppression.add(source, each) for each in hashes]
        claim_pending(lake, source, duck, "run")
        stage_pending(lake, source, duck, "run")
        if not suppressed_first:
            _ = [suppression.add(source, each) for each in hashes]
            reparse(lake, source, duck, "run", landed_dates(lake, source))

        staged = lake.open(tables.stage(source)).select()
        assert duck.execute(f"SELECT id, who FROM ({staged}) ORDER BY id").fetchall() == [("1", BEN), ("5", BEN)]
        (file,) = ledger.read(lake, source, duck)
        assert (file.records, file.received_records, file.erased_lines) == (2, 5, 3)
        assert accounting.counts_close(lake, source)
    (path,) = queue.archive_folder(environment, source).glob("date=*/*")
    assert form.read(path.read_bytes()) == form.read(form.write([RECORDS[0], RECORDS[4]]))
    assert path.stat().st_mode & 0o222 == 0


def test_a_torn_line_goes_when_a_word_or_a_quoted_text_in_it_is_the_person(home: Path) -> None:  # noqa: ARG001 - the process is told of it
    source, environment = readings(JsonLines()), read()
    lake, suppression = Lake(environment), Suppression.of(environment)
    _ = [suppression.add(source, suppression.hash("name", who)) for who in (ADA, "cy")]
    torn = ['{"id": "1", "who": "Ada L.", "at": "2026', '{"id": "2", "who": cy, torn', '{"id": "3", "who": "cyan", torn', '{"note": "Ada", torn']
    land(environment, source, "a.json", "\n".join(torn).encode())
    with connect(environment) as duck:
        claim_pending(lake, source, duck, "run")
        stage_pending(lake, source, duck, "run")
        quarantined = lake.open(tables.quarantine(source)).select()
        assert duck.execute(f"SELECT line_number, line FROM ({quarantined}) ORDER BY 1").fetchall() == [(1, torn[2]), (2, torn[3])]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_lines_are_left_out_wherever_chunks_end(size: int) -> None:
    content = b"one\n\nthree\r\nfour\nfive"
    chunks = [content[start : start + size] for start in range(0, len(content), size)]
    all_lines = content.splitlines(keepends=True)
    for numbers in ([1], [2], [5], [1, 2, 3, 4, 5], [2, 4], []):
        expected = b"".join(line for number, line in enumerate(all_lines, 1) if number not in numbers)
        assert b"".join(kept(chunks, numbers)) == expected


def test_a_list_whose_salt_is_lost_is_told_and_not_begun_anew(home: Path) -> None:
    suppression = Suppression.of(read())
    hashed = suppression.hash("name", ADA)
    suppression.add(readings(JsonLines()), hashed)
    salt = (home / "privacy" / "salt").read_text()
    (home / "privacy" / "salt").unlink()
    with pytest.raises(ConfigurationError, match="salt is gone"):
        suppression.hash("name", ADA)
    (home / "privacy" / "salt").write_text(salt)
    assert suppression.hash("name", ADA) == hashed


def test_the_list_and_its_salt_are_for_their_owner_alone(home: Path) -> None:
    suppression = Suppression.of(read())
    suppression.add(readings(JsonLines()), suppression.hash("name", ADA))
    kept_in = home / "privacy"
    assert kept_in.stat().st_mode & 0o777 == 0o700
    assert {path.name: path.stat().st_mode & 0o777 for path in kept_in.glob("s*[!k]")} == {"salt": 0o600, "suppressed.json": 0o600}
    assert ADA not in (kept_in / "suppressed.json").read_text()
