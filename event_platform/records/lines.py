r"""Files as one sequence of numbered lines of text, which DuckDB streams in as many threads as it has.

Numbering lines keeps DuckDB from reading a file with several threads, so the sequence is cut into as many ranges as there are threads,
and each range is a SELECT of its own, done by one thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import accumulate, pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from event_platform.engines.spelling import literal, literal_path, literals

if TYPE_CHECKING:
    import duckdb

MAX_LINE_BYTES = 8 << 20
"""A line longer than this, its newline not counted, is cut in a clean copy and goes to quarantine: whole lines are kept in memory."""

BAD_UTF8, NUL, CARRIAGE_RETURN, OVERLONG = "\x01", "\x02", "\x04", "\x05"
"""Marks in a clean copy. An overlong line is OVERLONG, its length in bytes, OVERLONG, its beginning."""

DAMAGE = (
    (f"starts_with(line, '{OVERLONG}')", f"longer than {MAX_LINE_BYTES:,} bytes"),
    (f"contains(line, '{BAD_UTF8}')", "not valid UTF-8"),
    (f"contains(line, '{NUL}')", "holds NUL bytes"),
    (f"contains(line, '{CARRIAGE_RETURN}')", "holds a carriage return that does not end the line"),
)
"""What the marks in a line of a clean copy say: a condition, as SQL, and the reason; the first that holds counts."""

NO_EVENT = "\x06"
"""Begins a line, in a file of a topic, that stands for a message which is no event: the mark, the reason, the mark, the message as JSON."""

SHOWN_BYTES = 40_000
"""What is kept of an overlong line."""

LINES_PER_THREAD = 20_000
"""Fewer lines than this are not worth another thread."""

_LINE_ROOM = MAX_LINE_BYTES + 65_536
"""What a thread may need for a line; DuckDB's own buffers are 16 times that, which is 150 MB a thread for nothing."""

_AS_LINES = f"""
    columns = {{'line': 'VARCHAR'}}, auto_detect = false, header = false, delim = '', quote = '', escape = '', comment = '', new_line = '\\n',
    strict_mode = false, force_not_null = ['line'], max_line_size = {_LINE_ROOM}, buffer_size = {2 * _LINE_ROOM}, hive_partitioning = false"""


@dataclass(frozen=True)
class LinesFile:
    """A file that can be read as lines: where, how many, and what each of its lines is told along with.

    `careful`: it is a clean copy, whose lines may hold marks. `header` are the names of the fields in a file that names them itself, and
    `header_line` the line that does (0: none). `left_out` are lines that do not count, as pairs of the first and the last. `of_topic`: its
    lines are messages, some of which may be no events.
    """

    path: Path
    lines: int
    landing_date: date
    landing_file: str
    file_id: int
    file_name: str
    careful: bool
    header_line: int = 0
    header: tuple[str, ...] = ()
    left_out: tuple[tuple[int, int], ...] = ()
    of_topic: bool = False


def read_lines(path: Path) -> str:
    """Give a DuckDB table function over the lines of one file, compressed or not: the column `line`."""
    return f"read_csv({literal_path(path)}, {_AS_LINES})"


def count_records(duck: duckdb.DuckDBPyConnection, path: Path, spans: Sequence[tuple[int, int]]) -> int:
    """How many lines with these numbers, spans from first to last, are not blank. A careful file is given as its clean copy."""
    within = " OR ".join(f"line_number BETWEEN {first} AND {last}" for first, last in spans)
    ((records,),) = duck.execute(f"""
        SELECT count(*) FROM (SELECT line, row_number() OVER () AS line_number, true AS _careful FROM {read_lines(path)})
        WHERE ({within}) AND NOT {BLANK}""").fetchall()
    return int(records)


def lines_sql(files: Sequence[LinesFile], threads: int) -> str:
    """Give a SELECT of `line`, `line_number` (from 1 in each file) and the file's columns over all files."""
    files = [file for file in files if file.lines]
    ends = list(accumulate(file.lines for file in files))
    if not files:
        return _NO_LINES
    ranges = min(threads, -(-ends[-1] // LINES_PER_THREAD))
    bounds = [ends[-1] * number // ranges for number in range(ranges + 1)]
    return " UNION ALL ".join(_range_sql(files, ends, start, end) for start, end in pairwise(bounds))


def _range_sql(files: Sequence[LinesFile], ends: Sequence[int], start: int, end: int) -> str:
    """The lines after number `start` to number `end` of the sequence, lines counted from 1."""
    within = [(file, last - file.lines) for file, last in zip(files, ends, strict=True) if last > start and last - file.lines < end]
    first = within[0][1]
    paths = ", ".join(literal_path(file.path) for file, _ in within)
    rows = ", ".join(_row(index, before, file) for index, (file, before) in enumerate(within))
    return f"""
        SELECT line, _place - _before AS line_number, {", ".join(_FILE_COLUMNS)}
        FROM (
            SELECT line, file_index::INTEGER AS _index, {first} + row_number() OVER () AS _place
            FROM read_csv([{paths}], {_AS_LINES}) LIMIT {end - first}
        )
        JOIN (VALUES {rows}) AS file(_index, _before, {", ".join(_FILE_COLUMNS)}) USING (_index)
        WHERE _place > {start}{"".join(_left_out(file) for file, _ in within)}"""


def _left_out(file: LinesFile) -> str:
    return "".join(f" AND NOT (file_id = {file.file_id} AND _place - _before BETWEEN {first} AND {last})" for first, last in file.left_out)


_FILE_COLUMNS = ("landing_date", "landing_file", "file_id", "file_name", "_careful", "_of_topic", "_header_line", "_header")


def _row(index: int, before: int, file: LinesFile) -> str:
    header = f"[{literals(file.header)}]::VARCHAR[]"
    named = f"{literal(file.landing_file)}, {file.file_id}::BIGINT, {literal(file.file_name)}"
    return f"({index}, {before}, DATE '{file.landing_date}', {named}, {file.careful}, {file.of_topic}, {file.header_line}, {header})"


_NO_LINES = """
    SELECT '' AS line, 0::BIGINT AS line_number, NULL::DATE AS landing_date, '' AS landing_file, 0::BIGINT AS file_id, '' AS file_name,
        false AS _careful, false AS _of_topic, 0 AS _header_line, []::VARCHAR[] AS _header
    WHERE false"""

WHITE = " \t\v\f"
"""What a blank line may hold, beside the carriage return before its end; `landing.inspect` counts by the same characters."""

BLANK = f"(trim(line, '{WHITE}' || CASE WHEN _careful THEN '{CARRIAGE_RETURN}' ELSE '' END) = '')"
"""Whether a line is blank, as SQL."""
