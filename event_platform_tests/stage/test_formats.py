"""Records in files of every format become the same rows, and what is broken in them is told."""

import gzip
import json
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from event_platform.errors import ConfigurationError
from event_platform.sources.contract import Column, Rule, Source
from event_platform.sources.formats import Avro, Csv, JsonDocument, Parquet
from event_platform_tests.stage.conftest import Bench

READINGS = Source(
    name="readings",
    title="Readings of sensors",
    owner="team:test",
    event_id="id",
    timestamp="at",
    kind=("sensor",),
    columns=(
        Column("id", "string", "", nullable=False),
        Column("at", "timestamp", "", nullable=False, written="text"),
        Column("sensor", "string", "", nullable=False),
        Column("celsius", "double", "", written="text"),
        Column("note-1", "string", ""),
    ),
)
ROWS = [("1", datetime(2026, 3, 1, 10, tzinfo=UTC), "s1", 1.5, "a, b"), ("2", datetime(2026, 3, 1, 11, tzinfo=UTC), "s1", None, None)]
VALUES = 'id, "at", sensor, celsius, "note-1"'
RECORDS = [
    {"id": "1", "at": "2026-03-01T10:00:00", "sensor": "s1", "celsius": 1.5, "note-1": "a, b"},
    {"id": "2", "at": "2026-03-01T11:00:00", "sensor": "s1", "celsius": None, "note-1": None},
]


def reading(bench: Bench, **changes: object) -> Bench:
    """The bench, for readings in another format."""
    return replace(bench, source=replace(READINGS, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("layout", [{}, {"indent": 2}])
@pytest.mark.parametrize("begin", ["", "\n \ufeff"[:2]])
def test_a_json_array(bench: Bench, layout: dict[str, int], begin: str) -> None:
    here = reading(bench, format=JsonDocument())
    assert here.parse(here.land(begin + json.dumps(RECORDS, **layout)), columns=VALUES) == (ROWS, [])


def test_one_json_object_is_one_record(bench: Bench) -> None:
    here = reading(bench, format=JsonDocument())
    assert here.parse(here.land(json.dumps(RECORDS[0], indent=1)), columns=VALUES) == (ROWS[:1], [])


def test_a_compressed_json_array(bench: Bench) -> None:
    here = reading(bench, format=JsonDocument())
    assert here.parse(here.land(gzip.compress(json.dumps(RECORDS).encode()), "a.json.gz"), columns=VALUES) == (ROWS, [])


def test_broken_records_of_an_array_are_quarantined_by_number(bench: Bench) -> None:
    here = reading(bench, format=JsonDocument())
    file = here.land(json.dumps([RECORDS[0], 5, {"id": "3"}, [1], None]))
    staged, quarantined = here.parse(file)
    assert [number for _, number in staged] == [1]
    assert [(number, reason) for _, number, reason in quarantined] == [
        (2, "JSON, but not an object"),
        (3, "`at` is missing"),
        (4, "JSON, but not an object"),
        (5, "JSON, but not an object"),
    ]


@pytest.mark.parametrize("form", [JsonDocument(), Parquet(), Avro()])
@pytest.mark.parametrize(
    "content", ['[{"id": "1"}, {"id": ', "<html></html>", b"\x89PNG\r\n\x1a\n", b"PAR1PAR1", b"Obj\x01half", b"\xff\xfe[\x00]\x00"]
)
def test_a_document_that_cannot_be_read_is_one_quarantined_record(bench: Bench, form: object, content: bytes | str) -> None:
    here = reading(bench, format=form)
    file = here.land(content)
    assert file.lines == 1
    staged, ((_, number, reason),) = here.parse(file)
    assert (staged, number) == ([], 0)
    assert reason.startswith("The file cannot be read as")


@pytest.mark.parametrize("content", ["[]", "", "[\n]\n"])
def test_an_empty_document_holds_nothing(bench: Bench, content: str) -> None:
    here = reading(bench, format=JsonDocument())
    file = here.land(content)
    assert file.lines == 0
    assert here.parse(file) == ([], [])


def arrow() -> pa.Table:
    at = pa.array([row[1] for row in ROWS], pa.timestamp("us", tz="UTC"))
    names = ["id", "at", "sensor", "celsius", "note-1"]
    return pa.table([pa.array([row[0] for row in ROWS]), at, *(pa.array([row[n] for row in ROWS]) for n in (2, 3, 4))], names=names)


def test_parquet(bench: Bench, tmp_path: Path) -> None:
    here = reading(bench, format=Parquet())
    pq.write_table(arrow(), tmp_path / "made.parquet")
    assert here.parse(here.land((tmp_path / "made.parquet").read_bytes(), "a.parquet"), columns=VALUES) == (ROWS, [])


def test_rows_of_parquet_keep_their_order(bench: Bench, tmp_path: Path) -> None:
    count = 300_000
    bench.duck.execute(
        f"COPY (SELECT i::VARCHAR AS id, '2026-03-01' AS at, 's' AS sensor FROM range({count}) AS row(i)) TO '{tmp_path}/many.parquet'"
    )
    here = reading(bench, format=Parquet())
    file = here.land((tmp_path / "many.parquet").read_bytes(), "a.parquet")
    staged, _ = here.parse(file, columns="id, line_number")
    assert len(staged) == count
    assert all(int(name) + 1 == number for name, number in staged)


def test_avro(bench: Bench, tmp_path: Path) -> None:
    polars = pytest.importorskip("polars")
    here = reading(bench, format=Avro())
    frame = polars.from_arrow(arrow().set_column(1, "at", [[record["at"] for record in RECORDS]])).rename({"note-1": "note"})
    frame.write_avro(tmp_path / "made.avro")
    here.source = replace(here.source, columns=(*here.source.columns[:-1], Column("note-1", "string", "", field="note")))
    assert here.parse(here.land((tmp_path / "made.avro").read_bytes(), "a.avro"), columns=VALUES) == (ROWS, [])


CSV = 'id,at,celsius,sensor,note-1\n1,2026-03-01T10:00:00, 1.5 ,s1,"a, b"\n\n2,2026-03-01 11:00:00Z,,s1,\n'


def test_csv_with_a_header_in_its_own_order(bench: Bench) -> None:
    here = reading(bench, format=Csv())
    file = here.land(CSV)
    assert (file.lines, file.blank_lines) == (4, 2)
    assert here.parse(file, columns=VALUES) == (ROWS, [])


def test_each_file_has_its_own_header(bench: Bench) -> None:
    here = reading(bench, format=Csv(delimiter="|"))
    one, two = here.land("\nid|at|sensor\n1|2026-03-01|s1", "1.csv"), here.land("sensor|at|id|colour\r\ns2|2026-03-02|2|red\r\n", "2.csv")
    assert here.parse(one, two, columns="id, sensor, line_number, extra") == ([("1", "s1", 3, None), ("2", "s2", 2, '{"colour":"red"}')], [])


def test_csv_without_a_header(bench: Bench) -> None:
    here = reading(bench, format=Csv(header=False, null=("?", ""), comment="#"))
    file = here.land("# made by hand\n1, 2026-03-01T10:00:00, s1, 1.5, 'x'\n2, 2026-03-01T11:00:00, s1, ?, ?\n")
    assert (file.lines, file.blank_lines) == (3, 1)
    assert here.parse(file, columns='id, celsius, "note-1"') == ([("1", 1.5, "'x'"), ("2", None, None)], [])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("3,2026-03-01,s1", "has 3 fields, not 5"),
        ("3,2026-03-01,s1,1,x,y", "has 6 fields, not 5"),
        ('3,2026-03-01,s1,1,"x', "an unclosed quote; a record with a line break inside is not supported"),
        ('3,2026-03-01,s1,1,"x ""y""', "an unclosed quote; a record with a line break inside is not supported"),
        ('3,2026-03-01,s1,1,"x" y', "a quoted field does not end where its quotes do"),
        (",2026-03-01,s1,1,x", "`id` is missing"),
        ("3,yesterday,s1,1,x", "`at` is not an ISO 8601 time"),
        ("3,2026-03-01,s1,one,x", "`celsius` is not a number"),
        ("3,2026-03-01,s1,1,\xff", "not valid UTF-8"),
        ("3,2026-03-01,s1,1,\x00", "holds NUL bytes"),
    ],
)
def test_a_broken_line_of_csv_is_quarantined_with_its_reason(bench: Bench, line: str, reason: str) -> None:
    here = reading(bench, format=Csv(header=False))
    file = here.land(b"1,2026-03-01,s1,1,x\n" + line.encode("latin-1") + b"\n2,2026-03-01,s1,1,x")
    staged, quarantined = here.parse(file, columns="id")
    assert (staged, quarantined) == ([("1",), ("2",)], [(file.file_id, 2, reason)])


def test_tabs_part_cells_even_where_cells_are_empty(bench: Bench) -> None:
    here = reading(bench, format=Csv(header=False, delimiter="\t"))
    file = here.land('1\t2026-03-01\t"s\t1"\t\t\n')
    assert here.parse(file, columns='sensor, celsius, "note-1"') == ([("s\t1", None, None)], [])


def test_a_name_given_twice_in_a_header_is_kept_as_another_field(bench: Bench) -> None:
    here = reading(bench, format=Csv())
    file = here.land("id,at,sensor,,\n1,2026-03-01,s1,x,y\n")
    assert here.parse(file, columns="id, extra") == ([("1", '{"":"x"," (2)":"y"}')], [])


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("id,at,celsius", "the header does not name `sensor`"),
        ("id,at,sensor,at", "the header names `at` twice"),
        ("1,2026-03-01,s1", "the header names none of the fields that the contract reads; is it missing?"),
    ],
)
def test_a_mistake_in_the_header_is_named_at_every_line(bench: Bench, header: str, reason: str) -> None:
    here = reading(bench, format=Csv())
    file = here.land(f"{header}\n1,2026-03-01,s1\n")
    staged, quarantined = here.parse(file)
    assert (staged, [(number, told) for _, number, told in quarantined]) == ([], [(2, reason)])


def test_a_line_break_within_quotes_makes_two_broken_lines(bench: Bench) -> None:
    here = reading(bench, format=Csv(header=False))
    file = here.land('1,2026-03-01,s1,1,"two\nlines"\n2,2026-03-01,s1,1,x\n')
    staged, quarantined = here.parse(file, columns="id")
    assert staged == [("2",)]
    assert [(number, reason) for _, number, reason in quarantined] == [
        (1, "an unclosed quote; a record with a line break inside is not supported"),
        (2, "has 1 field, not 5"),
    ]


def test_json_in_a_cell_is_json_or_in_quarantine(bench: Bench) -> None:
    columns = (*READINGS.columns[:3], Column("body", "json", ""))
    here = reading(bench, format=Csv(header=False), columns=columns)
    file = here.land('1,2026-03-01,s1,"{""a"": 1}"\n2,2026-03-01,s1,not json\n')
    staged, ((_, number, reason),) = here.parse(file, columns="id, body")
    assert (staged, number, reason) == ([("1", '{"a": 1}')], 2, "`body` is not JSON")


def test_quotes_within_quotes(bench: Bench) -> None:
    here = reading(bench, format=Csv(header=False))
    assert here.parse(here.land('1,2026-03-01,"s ""1"", 2", ,""\n'), columns='sensor, celsius, "note-1"') == ([('s "1", 2', None, None)], [])


NESTED = Source(
    name="nested",
    title="Values within objects",
    owner="team:test",
    event_id="id",
    timestamp="at",
    kind=("place",),
    columns=(
        Column("at", "timestamp", "", nullable=False, field="data.time", written="epoch_seconds"),
        Column("celsius", "double", "", field="data.values.temperature"),
        Column("place", "string", "", nullable=False, sql="nullif(regexp_extract(file_name, '([a-z]+)\\.json', 1), '')"),
        Column("id", "string", "", sql="place || '@' || epoch(\"at\")::BIGINT"),
    ),
)

SIGN = Column("sign", "string", "")


def test_paths_epochs_and_computed_columns(bench: Bench) -> None:
    here = replace(bench, source=NESTED)
    file = here.land(
        '{"data": {"time": 1772359200.0, "values": {"temperature": 21}}}\n{"data": {"time": 0, "values": {"temperature": 1, "uv": 3}}}\n'
    )
    staged, quarantined = here.parse(file, columns='id, "at", celsius, event_date, domain_event_type, extra')
    assert staged == [("file@1772359200", datetime(2026, 3, 1, 10, tzinfo=UTC), 21.0, date(2026, 3, 1), "file", None)]
    assert [reason for _, _, reason in quarantined] == ["`at` is before 2000-01-01, the first date this source may have"]


def test_what_has_no_column_within_an_object_is_kept(bench: Bench) -> None:
    here = replace(bench, source=NESTED)
    line = '{"data": {"time": 1772359200, "values": {"temperature": 21, "uv": {"index": 3}}}, "more": {}}'
    staged, _ = here.parse(here.land(line), columns="extra")
    assert json.loads(staged[0][0]) == {"data": {"values": {"uv": {"index": 3}}}, "more": {}}


@pytest.mark.parametrize(
    ("time", "reason"),
    [
        *(
            (time, "`at` is not a whole number of seconds since 1970")
            for time in ('"soon"', "1e400", "99999999999999", "1772359200.25", "1772359200.001")
        ),
        ("9999999999", "more than 1 day"),
    ],
)
def test_an_impossible_epoch_is_quarantined(bench: Bench, time: str, reason: str) -> None:
    here = replace(bench, source=NESTED)
    _, ((_, _, told),) = here.parse(here.land(f'{{"data": {{"time": {time}}}}}'))
    assert reason in told


def test_a_time_with_a_fraction_is_computed_from_a_number(bench: Bench) -> None:
    seconds, at = Column("seconds", "double", "", field="data.time"), Column("at", "timestamp", "", nullable=False, sql="to_timestamp(seconds)")
    here = replace(bench, source=replace(NESTED, columns=(seconds, at, *NESTED.columns[1:])))
    staged, _ = here.parse(here.land('{"data": {"time": 1772359200.25}}'), columns='"at"')
    assert staged == [(datetime(2026, 3, 1, 10, 0, 0, 250_000, UTC),)]


def test_a_computed_column_that_fails_quarantines_its_line(bench: Bench) -> None:
    here = replace(bench, source=NESTED)
    assert here.parse(here.land('{"data": {"time": 1772359200}}', "1.json"))[1][0][2] == "`place` cannot be computed"


def test_a_rule_that_fails_on_a_value_quarantines_its_line_and_stops_no_feed(bench: Bench) -> None:
    rule = Rule("the sign is no number", "CAST(sign AS INTEGER) < 0")
    here = replace(bench, source=replace(NESTED, rules=(rule,), columns=(*NESTED.columns, SIGN)))
    sound = ('{"data": {"time": 1772359200}, "sign": "7"}', '{"data": {"time": 1772359200}}')
    broken = ('{"data": {"time": 1772359200}, "sign": "grace@example.org"}', '{"data": {"time": 1772359200}, "sign": "-7"}')
    staged, quarantined = here.parse(here.land("\n".join((*sound, *broken))))
    assert (len(staged), [reason for *_, reason in quarantined]) == (2, ["the sign is no number"] * 2)


CLICKS = Source(
    name="clicks",
    title="Clicks without an id",
    owner="team:test",
    event_id="id",
    timestamp="at",
    kind=("what",),
    id_from=("who", "what", "at"),
    columns=(
        Column("id", "string", ""),
        Column("who", "string", ""),
        Column("what", "string", "", nullable=False, accepted=("click", "submit")),
        Column("at", "timestamp", "", nullable=False, written="epoch_milliseconds"),
    ),
)


def test_derived_ids_tell_repeats_in_a_file_apart_and_are_the_same_in_every_file(bench: Bench) -> None:
    here = replace(bench, source=CLICKS)
    lines = ['{"who": "a", "what": "click", "at": 1772359200000}'] * 2 + ['{"who": null, "what": "click", "at": 1772359200000}']
    one, two = here.land("\n".join(lines), "1.json"), here.land("\n".join([*lines, lines[0]]), "2.json")
    staged, _ = here.parse(one, two, columns="file_id, id")
    first, second = ([found for file, found in staged if file == wanted.file_id] for wanted in (one, two))
    assert len(set(first)) == 3
    assert second[:3] == first
    assert len(set(second)) == 4


def test_records_in_quarantine_do_not_count_for_derived_ids(bench: Bench) -> None:
    here = replace(bench, source=CLICKS)
    sound = '{"who": "a", "what": "click", "at": 1772359200000, "id": null}'
    late = here.land(f"{sound.replace('null', 'NaN')}\n{sound}", "1.json")
    (staged,), _ = here.parse(late, columns="id")
    (alone,), _ = here.parse(here.land(sound, "2.json"), columns="id")
    assert staged == alone


def test_a_value_that_is_not_accepted_is_quarantined(bench: Bench) -> None:
    here = replace(bench, source=CLICKS)
    _, ((_, _, reason),) = here.parse(here.land('{"who": "a", "what": "scream", "at": 1772359200000}'))
    assert reason == "`what` is none of the accepted values"


def test_a_field_read_whole_and_in_part_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="`data` is read by one column whole"):
        replace(NESTED, columns=(*NESTED.columns, Column("data", "json", "")))


@pytest.mark.parametrize("name", ["filename", "File_Name", "Line", "DAY", "_reason", "ID"])
def test_a_column_that_would_hide_one_of_the_platforms_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"the platform itself uses|twice"):
        replace(READINGS, columns=(*READINGS.columns, Column(name, "string", "")))
