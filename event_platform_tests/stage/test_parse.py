"""Every line goes to stage or to quarantine, once, with its number and a reason that quotes nothing."""

import gzip
import json
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from event_platform import sources
from event_platform.errors import PermanentError
from event_platform.records import careful
from event_platform.records import lines as reading
from event_platform.records.lines import MAX_LINE_BYTES
from event_platform.sources.contract import QUARANTINE_COLUMNS, STAGE_COLUMNS
from event_platform.stage.parse import parse
from event_platform_tests.stage.conftest import LANDED_ON, TYPED, Bench

REAL = Path(__file__).resolve().parents[3] / "shared/data/payments"


def event(**fields: object) -> str:
    """A line that is sound unless the fields say otherwise; a field that is `...` is left out."""
    whole = {"id": "a", "at": "2026-03-01T10:00:00", "kind": "made", "part": 1, **fields}
    return json.dumps({name: value for name, value in whole.items() if value is not ...})


def with_field(text: str) -> str:
    """A sound line with one more field, spelled as given."""
    return event()[:-1] + ", " + text + "}"


NOT_JSON = {
    "torn": event()[:30],
    "glued": event()[:30] + event(),
    "single quotes": "{'a': 1}",
    "lone surrogate": with_field(r'"j": "\ud800"'),
    "raw control character": with_field('"j": "\t"'),
    "delimiter of old": "a\x01\x03\x1fb",
    "mark of a message": "\x06Ada Lovelace, card 4111111111111111",
    "reason of a sender's own": "\x06all is well\x06" + event(),
}
QUARANTINED = {
    "not JSON": list(NOT_JSON.values()),
    "several JSON objects on one line": [event() + event()],
    "JSON, but not an object": ["null", "[1,2]", '"x"', "42", " true ", "[" + event() + "]"],
    "`id` is missing": [event(id=...), event(id=None), "{}"],
    "`id` is not a string": [event(id=7), event(id={"a": 1}), event(id=["a"]), event(id=True)],
    "`id` is empty": [event(id=""), event(id="  "), event(id="\t\n")],
    "`id` holds a NUL character": [event(id="a\0b")],
    "`at` is missing": [event(at=...), event(at=None)],
    "`at` is not an ISO 8601 time": [
        *(event(at=at) for at in (1_600_000_000, 1.5e9, "", "yesterday", "infinity", "epoch", "1600000000", "2021-02-30T00:00:00")),
        *(event(at=at) for at in ("2021-13-01", "2021-1-1", "01/02/2021", "2021-01-01T24:00:00", "2021-01-01T23:59:60", "2021-01-01T10")),
        *(event(at=f"2021-01-01T10:00:00{end}") for end in (".Z", "+24:00", "+2", " Z", " Europe/Berlin", "+02:60", "z", " (BC)")),
        *(event(at=at) for at in (" 2021-01-01", "2021-01-01Z", "2021-01-01T10:00:00\n", "12021-01-01T00:00:00", {"year": 2021}, "0000-01-01")),
    ],
    "`at` is before 2020-01-01, the first date this source may have": [event(at="2019-12-31T23:59:59.999999Z"), event(at="0001-01-01")],
    "`at` is more than 1 day(s) after the landing date": [event(at="2026-03-12"), event(at="2026-03-11T23:30:00-01:00"), event(at="9999-12-31")],
    "`kind`, part of the kind of event, is missing or empty": [event(kind=...), event(kind=""), event(kind=" ")],
    "`part`, part of the kind of event, is missing or empty": [event(part=...)],
    "the kind of event is longer than 100 characters": [event(kind="x" * 99)],
    "`s` is not a string": [event(s=1), event(s=[])],
    "`l` is not a whole number of 64 bits": [event(l=v) for v in (2**63, -(2**63) - 1, 1.5, "1", True, {}, 10**30)],
    "`d` is not a number": [event(d="1"), event(d=False), with_field('"d": 1e999')],
    "`b` is not true or false": [event(b=0), event(b="true")],
    "`due` is not an ISO 8601 date": [event(due="2026-02-29"), event(due="2026-3-1"), event(due=20260301), event(due="2026-03-01T00:00:00")],
    "`t` is not an ISO 8601 time": [event(t="noon")],
    "`l` is negative": [event(l=-1)],
    "a field is given twice": [with_field('"id": "b"'), with_field('"id": "a"'), with_field(r'"\u0069d": "a"'), with_field('"id": null, "x": 1')],
    "not JSON: NaN or Infinity is no JSON number": [
        with_field('"j": [NaN]'),
        with_field('"x": -Infinity'),
        with_field('"j": {"k": Nan}'),
        with_field('"x": iNF'),
    ],
    "nested deeper than 1,000 levels": [event(j="x")[:-4] + "[" * n + "]" * n + "}" for n in (1_000, 10_000, 4_000_000)],
    "longer than 8,388,608 bytes": [event(s="x" * MAX_LINE_BYTES)],
    "not valid UTF-8": [event(s="caf\xe9").encode().replace(rb"\u00e9", b"\xe9"), b"\xff\xfe\xfd{}"],
    "holds NUL bytes": [event(s="ab").encode().replace(b"ab", b"a\0b")],
    "holds a carriage return that does not end the line": [event(s="ab").replace("ab", "a\rb"), event() + "\r" + event()],
}


@pytest.mark.parametrize(
    ("reason", "line"), [(reason, line) for reason, lines in QUARANTINED.items() for line in lines], ids=lambda value: str(value)[:60]
)
def test_a_broken_line_is_quarantined_with_its_reason(bench: Bench, reason: str, line: str | bytes) -> None:
    assert bench.parse_line(line) == (None, reason)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


TIMES = {
    "2026-03-01T10:00:00": utc(2026, 3, 1, 10),
    "2026-03-01 10:00:00": utc(2026, 3, 1, 10),
    "2026-03-01T10:00": utc(2026, 3, 1, 10),
    "2026-03-01": utc(2026, 3, 1),
    "2026-03-01T10:00:00Z": utc(2026, 3, 1, 10),
    "2026-03-01T10:00:00+02:00": utc(2026, 3, 1, 8),
    "2026-03-01T10:00:00+0200": utc(2026, 3, 1, 8),
    "2026-03-01T10:00:00+02": utc(2026, 3, 1, 8),
    "2026-03-01T23:30:00.5-03:00": utc(2026, 3, 2, 2, 30, 0, 500_000),
    "2026-03-01T10:00:00.1234567": utc(2026, 3, 1, 10, 0, 0, 123_456),
    "2026-03-01T10:00:00.999999999Z": utc(2026, 3, 1, 10, 0, 0, 999_999),
    "2020-01-01T01:00:00+01:00": utc(2020, 1, 1),
    "2026-03-11T23:59:59.999999": utc(2026, 3, 11, 23, 59, 59, 999_999),
    "2024-02-29T12:00:00": utc(2024, 2, 29, 12),
}


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kathmandu"])
@pytest.mark.parametrize("text", TIMES)
def test_a_time_is_the_same_whatever_the_session_thinks(bench: Bench, text: str, zone: str) -> None:
    bench.duck.execute(f"SET TimeZone = '{zone}'")
    values, reason = bench.parse_line(event(at=text, t=text), 'epoch_us("at"), epoch_us(t), event_date')
    micros = round(TIMES[text].timestamp() * 1_000_000)
    assert (values, reason) == ((micros, micros, TIMES[text].date()), None)


STAGED = [
    (event(s='Olá "x" \\ \n é 漢 🎈'), "s", 'Olá "x" \\ \n é 漢 🎈'),
    ('{"id":"é","at":"2026-03-01","kind":"漢","part":1,"s":"ñandú"}', "id || kind || s", "é漢ñandú"),
    (event(s=""), "s", ""),
    (event(s=None), "s", None),
    (event(l=2**63 - 1), "l", 2**63 - 1),
    (with_field('"l": 3.0'), "l", 3),
    (event(d=-1.5e-7), "d", -1.5e-7),
    (event(d=3), "d", 3.0),
    (event(b=False), "b", False),
    (event(due="2024-02-29"), "due", date(2024, 2, 29)),
    (event(), "domain_event_type", "made-1"),
    (event(kind="a/b=c d"), "domain_event_type", "a/b=c d-1"),
    (event(kind="x" * 98), "length(domain_event_type)", 100),
    (event(j=None), "j", None),
    (event(j="text"), "j", '"text"'),
    (with_field('"j": {"z": 1, "a": [ 1 , 2 ], "z": 3}'), "j", '{"z":1,"a":[1,2],"z":3}'),
    (with_field('"j": 123456789012345678901234567890'), "j", "123456789012345678901234567890"),
    (with_field(r'"j": "\u0000"'), "j", r'"\u0000"'),
    (with_field('"j": "NaN, \\"Infinity"'), "j", '"NaN, \\"Infinity"'),
    (event(j="x")[:-4] + "[" * 999 + "]" * 999 + "}", "length(j)", 1_998),
    (event(j=[[[1]]] * 2_000), "length(j)", 2_000 * 6 + 1),
    (event(j={"a": ["[" * 3_000]}), "length(j)", 3_010),
    (event(), "extra", None),
    (event(s=None, j=None), "extra", None),
    (with_field('"x": 1'), "extra", '{"x":1}'),
    (with_field('"x": null, "y": {"id": 1, "n": null}'), "extra", '{"x":null,"y":{"id":1,"n":null}}'),
    (with_field('"ID": 1, "é": 12345678901234567890123'), "extra", '{"ID":1,"é":12345678901234567890123}'),
    (with_field('"x": 1, "x": 2').replace('"part": 1, ', '"part": 1, "s": null, '), "extra", '{"x":1,"x":2}'),
    ("  " + event() + " \t", "line_number", 2),
    (event() + "\r\n", "id", "a"),
    (event(s="x" * 8_000_000), "strlen(s)", 8_000_000),
]


@pytest.mark.parametrize(("line", "column", "value"), STAGED, ids=lambda value: str(value)[:60])
def test_a_sound_line_keeps_its_values(bench: Bench, line: str | bytes, column: str, value: object) -> None:
    assert bench.parse_line(line, column) == ((value,), None)


def test_columns_are_those_of_contract_and_tables(bench: Bench) -> None:
    with parse(bench.duck, TYPED, bench.folder, [bench.land("x")], bench.folder / "scratch") as parsed:
        staged = bench.duck.execute(parsed.staged_sql()).description
        quarantined = bench.duck.execute(parsed.quarantined_sql([])).description
    assert [name for name, *_ in staged] == [column.name for column in (*TYPED.columns, *STAGE_COLUMNS)]
    assert [name for name, *_ in quarantined] == [column.name for column in QUARANTINE_COLUMNS]


def test_lines_keep_their_numbers(bench: Bench) -> None:
    file = bench.land(f"\ufeff\n \t\n{event()}\n\ntorn\r\n\r\n{event()}\n\xa0\n\ufeff{event()}")
    staged, quarantined = bench.parse(file, columns="line_number")
    assert staged == [(3,), (7,)]
    assert [(number, reason) for _, number, reason in quarantined] == [(5, "not JSON"), (8, "not JSON"), (9, "not JSON")]


def test_control_characters_that_copies_use_as_marks_mean_nothing_in_other_files(bench: Bench) -> None:
    file = bench.land(f"{event()}\n\x04\n\x01\n\x0599\x05\n{event()}")
    assert not file.careful
    staged, quarantined = bench.parse(file, columns="line_number")
    assert (staged, quarantined) == ([(1,), (5,)], [(file.file_id, number, "not JSON") for number in (2, 3, 4)])


def test_numbers_hold_across_threads_and_files(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LINES_PER_THREAD", 100)
    contents = {
        name: [event(id=f"{name}{number}") for number in range(1, size + 1)] for name, size in {"a": 3_001, "b": 0, "c": 1, "d": 5_000}.items()
    }
    files = [bench.land("\n".join(lines), name) for name, lines in contents.items()]
    for threads in (1, 2, 5):
        bench.duck.execute(f"SET threads = {threads}")
        staged, quarantined = bench.parse(*files, columns="id, landing_file, line_number")
        assert staged == [(f"{name}{number}", name, number) for name, lines in contents.items() for number in range(1, len(lines) + 1)]
        assert quarantined == []


@pytest.mark.parametrize("name", ["plain.json", "packed.json.gz", "we'ird [1]*?.json", "date=2026-01-01"])
def test_names_do_not_matter(bench: Bench, name: str) -> None:
    (bench.folder / "we'ird 1xx.json").write_text("another file that the name would match as a pattern")
    content = f"{event()}\ntorn\n".encode()
    file = bench.land(gzip.compress(content) if name.endswith("gz") else content, name)
    staged, quarantined = bench.parse(file, columns="landing_file, landing_date")
    assert (staged, [row[1:] for row in quarantined]) == ([(name, LANDED_ON)], [(2, "not JSON")])


def test_what_quarantine_shows_of_a_line(bench: Bench) -> None:
    lines = [b"torn", b"x" * 20_000, b"caf\xe9", b"a\0b", b"\xc3\xa9" * 5_000_000]
    with parse(bench.duck, TYPED, bench.folder, [bench.land(b"\n".join(lines))], bench.folder / "scratch") as parsed:
        rows = bench.duck.execute(f"SELECT line, line_bytes FROM ({parsed.quarantined_sql([])}) ORDER BY line_number").fetchall()
    assert [size for _, size in rows] == [len(line) for line in lines]
    assert [shown for shown, _ in rows] == ["torn", "x" * 10_000, "caf\ufffd", "a\u2400b", "é" * 10_000]


def test_an_unreadable_file_is_one_row_with_number_0(bench: Bench) -> None:
    good, bad = bench.land(event(), "good"), replace(bench.land(event(), "bad"), unreadable="It is a picture.", lines=1)
    staged, quarantined = bench.parse(good, bad)
    assert (staged, quarantined) == ([(good.file_id, 1)], [(bad.file_id, 0, "It is a picture.")])


def test_no_files_and_empty_files_give_nothing(bench: Bench) -> None:
    assert bench.parse() == ([], [])
    assert bench.parse(bench.land(""), bench.land("\n\n", "blank")) == ([], [])


def test_a_file_that_left_the_archive_is_told(bench: Bench) -> None:
    file = bench.land(event())
    (bench.folder / "file.json").unlink()
    with pytest.raises(PermanentError, match=r"file\.json"):
        bench.parse(file)


def test_copies_go_when_the_work_is_done(bench: Bench) -> None:
    bench.parse(bench.land(event() + "\r\n"))
    assert list((bench.folder / "scratch").iterdir()) == []


def test_a_chunk_may_end_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original, target = tmp_path / "original", tmp_path / "copy"
    original.write_bytes(b"\xef\xbb\xbfab\r\n\r\n\xc3\xa9\xff\x00\r\r\nx\ry\r\n" + b"long" * 10 + b"\r\n\xc3")
    monkeypatch.setattr(careful, "MAX_LINE_BYTES", 30)
    monkeypatch.setattr(careful, "SHOWN_BYTES", 8)
    for size in range(3, 30):
        monkeypatch.setattr(careful, "CHUNK_BYTES", size)
        careful.copy(original, target)
        assert target.read_bytes() == b"ab\n\n\xc3\xa9\x01\x02\x04\nx\x04y\n\x0540\x05longlong\n\x01", size


PIECES = st.sampled_from([b"", b" ", b"\t", b"\r", b"\0", b"\x01", b"\xff", b"\xc3\xa9", b"\x0b", b'"', b"{}", b"null", b"\\", event().encode()])


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(st.binary(max_size=6) | st.lists(PIECES, max_size=4).map(b"".join), max_size=8))
def test_each_line_is_blank_staged_or_quarantined(bench: Bench, lines: list[bytes]) -> None:
    content = b"\n".join(lines)
    file = bench.land(content)
    held = content.removeprefix(b"\xef\xbb\xbf").removesuffix(b"\n").split(b"\n") if content else []
    blank = sum(not line.strip() for line in held)
    if file.unreadable:  # for the claim it is no text; read it all the same
        file = replace(file, unreadable=None, careful=True, lines=len(held), blank_lines=blank)
    assert (file.lines, file.blank_lines) == (len(held), blank)
    staged, quarantined = bench.parse(file, columns="line_number")
    numbers = sorted([number for (number,) in staged] + [number for _, number, _ in quarantined])
    assert len(set(numbers)) == len(numbers) == file.lines - file.blank_lines


@pytest.mark.skipif(not REAL.is_dir(), reason=f"the real payment files are not at {REAL}")
def test_the_real_files_are_staged_whole(bench: Bench) -> None:
    bench.source = sources.get("payments")
    files = [bench.land(path.read_bytes(), f"{number}{path.name}") for number, path in enumerate(sorted(REAL.glob("*.json")))]
    staged, quarantined = bench.parse(*files)
    assert (len(staged), quarantined) == (23_960, [])
