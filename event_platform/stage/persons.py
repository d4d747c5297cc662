r"""In which lines suppressed persons are, as SQL over the same lines and the same judgement as stage's.

A record tells of a person when one of its contract's subject values is the one asked for. A line that is no sound record and gives no subject
value at all is looked at as text: it tells of the person when a quoted text or a word in it is the value. A word is a run of characters without
white space, quotes, brackets, backslashes and any of `,:;=&?`. A sound record that names somebody elsewhere, in a free text perhaps, tells of
somebody else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from event_platform.records.lines import lines_sql
from event_platform.stage.judge import fields_of, judged_sql
from event_platform.suppression import TABLE, VARIABLE, is_suppressed

if TYPE_CHECKING:
    from collections.abc import Iterable

    import duckdb

    from event_platform.sources.contract import Source, Subject
    from event_platform.stage.parse import Parsed

WORDS = r"""
    list_distinct(regexp_extract_all(line, '[^\s"'',:;{}\[\]()=&?<>\\]+') || regexp_extract_all(line, '"((?:[^"\\]|\\.)*)"', 1))"""


def tells_of_suppressed(source: Source) -> str:
    """Whether a row of the source's columns (in stage, in trusted) tells of somebody on the list."""
    return _any(is_suppressed(subject, value) for subject in source.subjects for value in subject.values)


def places_of_suppressed(duck: duckdb.DuckDBPyConnection, parsed: Parsed, mentioning: str | None = None) -> dict[int, list[int]]:
    """Line numbers, in order, by file id, of the lines that tell of somebody on the list.

    With `mentioning`, a regular expression, also those that match it.
    """
    source = parsed.source
    (threads,) = duck.execute("SELECT current_setting('threads')").fetchone() or (1,)
    mentions = "regexp_matches(line, $1)" if mentioning else "false"
    found = duck.execute(
        f"""
        WITH lines AS ({lines_sql([lines for _, lines in parsed.files], threads)}), {judged_sql(source)}
        SELECT file_id, list(line_number ORDER BY line_number) FROM judged
        WHERE NOT {fields_of(source).without_record} AND ({_tells(source)} OR {mentions}) GROUP BY file_id""",
        [mentioning] if mentioning else [],
    ).fetchall()
    return dict(found)


def _tells(source: Source) -> str:
    values = [value for subject in source.subjects for value in subject.values]
    is_somebodys = " OR ".join(f"({value}) IS NOT NULL" for value in values)
    return f"""CASE WHEN {tells_of_suppressed(source)} THEN true WHEN {is_somebodys} THEN false
        WHEN _reason IS NOT NULL THEN {_any(_is_a_word(subject) for subject in source.subjects)} ELSE false END"""


def _is_a_word(subject: Subject) -> str:
    hashed = f"list_transform({WORDS}, lambda word: sha256(getvariable('{VARIABLE}') || '{subject.key}=' || word))"
    return f"list_has_any({hashed}, (SELECT list(hash) FROM {TABLE}))"


def _any(conditions: Iterable[str]) -> str:
    return f"({' OR '.join(conditions) or 'false'})"
