"""Which statements people may run over the lake: those that ask, told from the others by DuckDB's own parser."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from event_platform.errors import UsageError

if TYPE_CHECKING:
    import duckdb

ALLOWED = "SELECT, FROM, WITH, VALUES, TABLE, PIVOT, UNPIVOT, DESCRIBE, SHOW, SUMMARIZE and EXPLAIN"


def queries(text: str, duck: duckdb.DuckDBPyConnection) -> list[str]:
    """The queries of a text, without the `;` between them.

    Raises UsageError when the text holds none or another statement, before anything is run; duckdb.Error when it cannot be read.
    """
    found = duck.extract_statements(text)
    if not found:
        raise UsageError('There is no statement; write one, such as "SELECT count(*) FROM trusted.payments".')
    for statement in found:
        if not _is_query(statement, duck):
            raise UsageError(
                f"Tables are only read here, and this statement is no query: {_shortened(statement.query)}. A statement may begin with {ALLOWED}. "
                "An answer goes to a file with --output FILE; events come in with `event-platform land`."
            )
    return [_bare(statement.query) for statement in found]


def is_explanation(query: str) -> bool:
    """Whether it tells of a query instead of answering it; what it tells cannot be part of another statement."""
    first, *_ = _token_starts(query)
    return query.encode()[first : first + len("EXPLAIN")].upper() == b"EXPLAIN"


def _is_query(statement: duckdb.Statement, duck: duckdb.DuckDBPyConnection) -> bool:
    """A SELECT in DuckDB's eyes; a PIVOT, which it takes for several, if it may stand where a table does; an EXPLAIN of one of these."""
    written = _bare(statement.query)
    if is_explanation(written):
        return _explains_query(written, duck)
    kind = statement.type.name
    return kind == "SELECT" or (kind == "MULTI" and bool(_read(f"FROM (\n{written}\n)", duck)))


def _explains_query(explanation: str, duck: duckdb.DuckDBPyConnection) -> bool:
    """Whether what is explained, the first statement after EXPLAIN and its options, is a query: EXPLAIN ANALYZE runs it."""
    for start in _token_starts(explanation)[1:]:
        if explained := _read(explanation.encode()[start:].decode(), duck):
            return all(_is_query(each, duck) for each in explained)
    return False


def _read(text: str, duck: duckdb.DuckDBPyConnection) -> list[duckdb.Statement]:
    import duckdb as engine

    with suppress(engine.ParserException):
        return duck.extract_statements(text)
    return []


def _bare(statement: str) -> str:
    """The statement without the `;` that ends it and what follows that."""
    written = statement.encode()
    starts = _token_starts(statement)
    end = starts[-1] if starts and written[starts[-1] : starts[-1] + 1] == b";" else len(written)
    return written[:end].decode().strip()


def _token_starts(statement: str) -> list[int]:
    """Where the statement's words and signs begin, in bytes; comments left out."""
    import duckdb as engine

    return [start for start, kind in engine.tokenize(statement) if kind != engine.token_type.comment]


def _shortened(statement: str) -> str:
    words = " ".join(_bare(statement).split())
    return f"{words[:60]} …" if len(words) > 60 else words
