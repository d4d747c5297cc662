"""What `inspect` says of bytes, against a reader too simple to be wrong, and of files that are no lines at all."""

import gzip
import hashlib
import json
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from event_platform.landing.inspect import HEAD_BYTES, MAX_LINE_BYTES, WHITE, Inspection, inspect

LINES = b'{"a": 1}\n{"a": 2}\n{"a": 3}\n'
SKIPPABLE_FRAME = b"\x50\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"hello"


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


@pytest.fixture
def inspected(tmp_path: Path):
    def inspect_bytes(data: bytes, name: str = "events.json", chunk_bytes: int = 1 << 20) -> Inspection:
        path = tmp_path / name
        path.write_bytes(data)
        return inspect(path, chunk_bytes)

    return inspect_bytes


def lines_of(data: bytes) -> list[bytes]:
    """The reference: split at newlines; what is after the last one is a line if there is anything."""
    lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    return lines if lines[-1] else lines[:-1]


def is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def needs_care(data: bytes) -> bool:
    return b"\0" in data or b"\r" in data or not is_utf8(data) or data.startswith(b"\xef\xbb\xbf")


texts = st.lists(
    st.sampled_from(
        [b"\n", b"\n\n", b"\r\n", b"\r", b" ", b"\t", b"{", b"[1]", b"x", b"\x0b", "é".encode(), "€😀".encode(), b"\xe9", b"\xef\xbb\xbf", b"\0"]
    )
).map(b"".join)


@given(text=texts, chunk_bytes=st.integers(1, 7), pack=st.sampled_from([bytes, gzip.compress, zstd]))
@settings(max_examples=600, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_counts_are_those_of_the_naive_reader_wherever_chunks_end(inspected, text: bytes, chunk_bytes: int, pack) -> None:
    data = pack(text)
    found = inspected(data, chunk_bytes=chunk_bytes)
    assert (found.bytes, found.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    if found.unreadable:
        assert "array" in found.unreadable or "UTF-16" in found.unreadable or "binary" in found.unreadable
        return
    lines = lines_of(text)
    assert (found.lines, found.blank_lines) == (len(lines), sum(not line.strip(WHITE) for line in lines))
    assert found.careful == needs_care(text)


@given(st.lists(st.sampled_from([b"\n", b" \n", b"\t\r\n", b'{"a": 1}\n', b'  {"a": 1}\n'])).map(b"".join))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_blank_lines_at_the_size_of_real_chunks(inspected, text: bytes) -> None:
    text = text * (600_000 // max(1, len(text)))
    lines = lines_of(text)
    found = inspected(text, chunk_bytes=256 << 10)
    assert (found.lines, found.blank_lines) == (len(lines), sum(not line.strip(WHITE) for line in lines))


@pytest.mark.parametrize(
    ("data", "lines", "blank", "careful"),
    [
        pytest.param(b"", 0, 0, False, id="empty"),
        pytest.param(b"\n", 1, 1, False, id="one_blank"),
        pytest.param(b"{}", 1, 0, False, id="no_final_newline"),
        pytest.param(b"\n{}\n \t\r\n{}\n  ", 5, 3, True, id="blank_at_both_ends"),
        pytest.param(b"{}\r\n\r\n{}", 3, 1, True, id="crlf"),
        pytest.param(b"{}\r\n{}\n{}\n", 3, 0, True, id="ends_of_both_kinds"),
        pytest.param(b"{}\r{}\n", 1, 0, True, id="lone_return"),
        pytest.param(b"\xef\xbb\xbf{}\n", 1, 0, True, id="byte_order_mark"),
        pytest.param(b"\xef\xbb\xbf\n{}\n", 2, 1, True, id="byte_order_mark_on_a_blank_line"),
        pytest.param(b'{"a": "\0"}\n' + LINES, 4, 0, True, id="nul"),
        pytest.param(b'{"a": "\xe9"}\n', 1, 0, True, id="latin_1"),
        pytest.param('{"a": "é"}\n'.encode(), 1, 0, False, id="utf_8"),
        pytest.param('{"a": "é'.encode()[:-1], 1, 0, True, id="torn_character"),
        pytest.param(b"\x0b\n\x0c\n{}\n" + LINES, 6, 2, False, id="vertical_white_space"),
    ],
)
def test_lines(inspected, data: bytes, lines: int, blank: int, careful: bool) -> None:
    found = inspected(data)
    assert (found.unreadable, found.lines, found.blank_lines, found.careful) == (None, lines, blank, careful)


@pytest.mark.parametrize(("length", "careful"), [(MAX_LINE_BYTES, False), (MAX_LINE_BYTES + 1, True)])
@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstd])
def test_a_line_is_overlong_from_one_byte_over_the_limit(inspected, length: int, careful: bool, pack) -> None:
    found = inspected(pack(LINES + b"x" * length + b"\n" + LINES))
    assert (found.lines, found.careful) == (7, careful)


@pytest.mark.parametrize("name", ["events.json", "events.json.gz", "events.json.zst"])
@pytest.mark.parametrize(
    ("data", "compression"),
    [
        pytest.param(LINES, "none", id="plain"),
        pytest.param(gzip.compress(LINES), "gzip", id="gzip"),
        pytest.param(gzip.compress(LINES[:9]) + gzip.compress(b"") + gzip.compress(LINES[9:]), "gzip", id="gzip_members"),
        pytest.param(zstd(LINES), "zstd", id="zstd"),
        pytest.param(zstd(LINES[:9]) + zstd(b"") + zstd(LINES[9:]), "zstd", id="zstd_frames"),
        pytest.param(SKIPPABLE_FRAME + zstd(LINES) + SKIPPABLE_FRAME, "zstd", id="zstd_skippable_frames"),
    ],
)
@pytest.mark.parametrize("chunk_bytes", [1, 5, 1 << 20])
def test_compression_is_told_by_bytes_not_by_name(inspected, name: str, data: bytes, compression: str, chunk_bytes: int) -> None:
    found = inspected(data, name, chunk_bytes)
    assert (found.compression, found.unreadable, found.lines, found.careful) == (compression, None, 3, False)
    assert (found.bytes, found.sha256) == (len(data), hashlib.sha256(data).hexdigest())


@pytest.mark.parametrize("chunk_bytes", [1, 1 << 20])
def test_gzip_padded_with_zeros_needs_care(inspected, chunk_bytes: int) -> None:
    found = inspected(gzip.compress(LINES) + bytes(600), chunk_bytes=chunk_bytes)
    assert (found.unreadable, found.lines, found.careful) == (None, 3, True)


@pytest.mark.parametrize("pack", [gzip.compress, zstd])
@pytest.mark.parametrize("chunk_bytes", [3, 1 << 20])
def test_every_truncation_of_compressed_data_is_unreadable(inspected, pack, chunk_bytes: int) -> None:
    whole = pack(LINES)
    for length in range(4, len(whole)):
        found = inspected(whole[:length], chunk_bytes=chunk_bytes)
        assert "cut short" in (found.unreadable or ""), length
        assert (found.lines, found.blank_lines, found.bytes) == (1, 0, length)


@pytest.mark.parametrize("pack", [gzip.compress, zstd])
def test_damaged_compressed_data_is_unreadable(inspected, pack) -> None:
    data = bytearray(pack(json.dumps(list(range(3000))).encode()))
    data[len(data) // 2] ^= 0xFF
    data[-1] ^= 0xFF
    assert "damaged" in (inspected(bytes(data)).unreadable or "")
    assert "damaged" in (inspected(pack(LINES) + b"what is this").unreadable or "")
    assert inspected(bytes(data)).sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        pytest.param("{}\n".encode("utf-16"), "UTF-16", id="utf_16_with_mark"),
        pytest.param((LINES.decode() * 9).encode("utf-16-le"), "UTF-16", id="utf_16_le"),
        pytest.param((LINES.decode() * 9).encode("utf-16-be"), "UTF-16", id="utf_16_be"),
        pytest.param((LINES.decode() * 9).encode("utf-32"), "UTF-16 or UTF-32", id="utf_32"),
        pytest.param((LINES.decode() * 9).encode("utf-32-be"), "UTF-16 or UTF-32", id="utf_32_be"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "PNG", id="png"),
        pytest.param(b"PK\x03\x04" + LINES, "zip", id="zip"),
        pytest.param(b"PAR1\x15\x04", "Parquet", id="parquet"),
        pytest.param(b"%PDF-1.7\n%", "PDF", id="pdf"),
        pytest.param(b"SQLite format 3\0" + bytes(99), "SQLite", id="sqlite"),
        pytest.param(bytes(257) + b"ustar" + bytes(99), "tar", id="tar"),
        pytest.param(bytes(range(32)) * 99, "binary", id="control_characters"),
        pytest.param(bytes(4096), "binary", id="zeros"),
        pytest.param(zstd(gzip.compress(LINES)), "compressed twice", id="compressed_twice"),
        pytest.param(gzip.compress(b"\x89PNG\r\n\x1a\n"), "PNG", id="compressed_png"),
    ],
)
def test_other_kinds_of_file_are_unreadable(inspected, data: bytes, said: str) -> None:
    found = inspected(data)
    assert said in (found.unreadable or "")
    assert (found.lines, found.blank_lines, found.careful, found.bytes) == (1, 0, False, len(data))


EVENTS = [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(json.dumps(EVENTS).encode(), id="on_one_line"),
        pytest.param(json.dumps(EVENTS).encode() + b"\n\n", id="on_one_line_with_newlines"),
        pytest.param(b"\xef\xbb\xbf\n " + json.dumps(EVENTS).encode(), id="after_a_byte_order_mark"),
        pytest.param(json.dumps(EVENTS, indent=2).encode(), id="pretty"),
        pytest.param(b"[\n" + b",\n".join(json.dumps(event).encode() for event in EVENTS) + b"\n]\n", id="one_element_a_line"),
        pytest.param(b"[" + b"\n,".join(json.dumps(event).encode() for event in EVENTS) + b"]\n", id="commas_first"),
        pytest.param(json.dumps(EVENTS * HEAD_BYTES).encode(), id="longer_than_what_is_looked_at"),
    ],
)
@pytest.mark.parametrize("chunk_bytes", [4096, 1 << 20])
def test_a_json_array_is_unreadable(inspected, data: bytes, chunk_bytes: int) -> None:
    found = inspected(data, chunk_bytes=chunk_bytes)
    assert "JSON array" in (found.unreadable or "")
    assert found.lines == 1


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"[1,2]\n" + LINES, id="array_first"),
        pytest.param(b"[1,2]\n" + LINES + b"[3]\n", id="arrays_around"),
        pytest.param(b"[1,\n" + LINES, id="torn_array_first"),
        pytest.param(LINES + b"[1,2]\n", id="array_last"),
        pytest.param(b"[" * 50_000 + b"\n" + LINES, id="deeply_nested_first"),
    ],
)
def test_arrays_among_lines_are_just_lines(inspected, data: bytes) -> None:
    found = inspected(data)
    assert (found.unreadable, found.lines) == (None, data.count(b"\n"))


def test_a_bomb_is_read_in_pieces(inspected) -> None:
    compressor = zstandard.ZstdCompressor(level=3).compressobj()
    bomb = b"".join(compressor.compress(b"x" * (1 << 20)) for _ in range(512)) + compressor.flush()
    found = inspected(bomb)
    assert (found.unreadable, found.lines, found.careful) == (None, 1, True)
