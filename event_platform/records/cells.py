"""CSV: lines that are cut into cells, as SQL.

A record is a line. A quoted cell may hold delimiters and doubled quotes but no line break: a record with one shows up as two broken lines
in quarantine, never as a wrong row.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from event_platform.engines.spelling import literal
from event_platform.records.lines import BLANK, WHITE, read_lines

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

    from event_platform.sources.formats import Csv


def header_of(duck: duckdb.DuckDBPyConnection, form: Csv, path: Path) -> tuple[int, tuple[str, ...]]:
    """The number of the line that names the fields, and their names; (0, ()) for a format or file without one.

    A name that comes again is numbered, `name (2)`, so that its cells are kept like those of any field without a column.
    """
    if not form.header:
        return 0, ()
    found = duck.execute(f"""
        SELECT line_number, {cells(form)}
        FROM (SELECT line, row_number() OVER () AS line_number, true AS _careful FROM {read_lines(path)})
        WHERE NOT {BLANK} AND NOT {_is_comment(form)} ORDER BY line_number LIMIT 1""").fetchall()
    if not found:
        return 0, ()
    ((line_number, names),) = found
    before = Counter[str]()
    return line_number, tuple(_numbered(name, before) for name in names)


def _numbered(name: str, before: Counter[str]) -> str:
    before[name] += 1
    return name if before[name] == 1 else repeated(name, before[name])


def repeated(name: str, number: int = 2) -> str:
    """What a field is called whose name the header has given to others before it."""
    return f"{name} ({number})"


def count_without_record(duck: duckdb.DuckDBPyConnection, form: Csv, path: Path) -> int:
    """How many lines that are not blank hold no record: comments, and the header. A careful file is given as its clean copy."""
    ((comments, others),) = duck.execute(f"""
        SELECT count(*) FILTER ({_is_comment(form)}), count(*) FILTER (NOT {_is_comment(form)})
        FROM (SELECT line, true AS _careful FROM {read_lines(path)}) WHERE NOT {BLANK}""").fetchall()
    return int(comments) + int(form.header and others > 0)


def without_record(form: Csv) -> str:
    """Whether a line is blank, a comment or the header, as SQL."""
    return f"({BLANK} OR {_is_comment(form)} OR line_number = _header_line)"


def _is_comment(form: Csv) -> str:
    return f"starts_with(ltrim(line, '{WHITE}'), {literal(form.comment)})" if form.comment else "false"


def cells(form: Csv) -> str:
    """The cells of a line as a list of texts, white space around them and the quotes around them gone, as SQL."""
    delimiter, white = re.escape(form.delimiter), _white(form)
    cell = literal(rf'{delimiter}[{white}]*("(?:[^"]|"")*"|[^{delimiter}]*)')
    quoted = "replace(trim(cell, ' \t')[2:-2], '\"\"', '\"')"
    return f"""
        CASE WHEN contains(line, '"') THEN list_transform(
            regexp_extract_all({literal(form.delimiter)} || line, {cell}, 1),
            lambda cell: CASE WHEN starts_with(cell, '"') THEN {quoted} ELSE trim(cell, ' \t\r') END)
        ELSE list_transform(string_split(line, {literal(form.delimiter)}), lambda cell: trim(cell, ' \t\r')) END"""


def quotes_are_closed(form: Csv) -> str:
    """Whether every quoted cell of a line ends where its quotes do, as SQL."""
    return f"(NOT contains(line, '\"') OR regexp_full_match({literal(form.delimiter)} || line, {literal(_sound_cells(form))}))"


def has_unclosed_quote(form: Csv) -> str:
    """Whether a line's last cell begins with a quote and does not end, as where a line break stands within quotes; as SQL."""
    unclosed = rf'{_sound_cells(form)}{re.escape(form.delimiter)}[{_white(form)}]*"(?:[^"]|"")*'
    return f"(contains(line, '\"') AND regexp_full_match({literal(form.delimiter)} || line, {literal(unclosed)}))"


def _sound_cells(form: Csv) -> str:
    delimiter, white = re.escape(form.delimiter), _white(form)
    return rf'(?:{delimiter}[{white}]*(?:"(?:[^"]|"")*"[{white}\r]*|(?:[^{delimiter}"{white}][^{delimiter}]*)?))*'


def _white(form: Csv) -> str:
    """White space between cells, for a regular expression: none of it may be the delimiter."""
    return " " if form.delimiter == "\t" else r" \t"
