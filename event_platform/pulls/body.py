"""Is a body what was agreed: one whole JSON document of the right shape? Asked of DuckDB, so that no record passes through Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from event_platform.errors import TornAnswerError, UnusableAnswerError

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

Shape = Literal["array", "object"]

_BEGINS = {"array": "[", "object": "{"}
_KINDS = {"<": "a web page", "[": "a JSON array", "{": "a JSON object"}


def count_records(path: Path, shape: Shape, duck: duckdb.DuckDBPyConnection, who: str) -> int:
    """Elements of the array in the file, or 1 for an object. `who` names the sender in errors, which never hold what it sent.

    Raises UnusableAnswerError for what begins as something else, TornAnswerError for what begins well and is not whole.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise TornAnswerError(f"The answer of {who} is not UTF-8, or ends within a character. Nothing was landed; try again later.") from None
    begins = text[:4096].lstrip(" \t\r\n")[:1]
    if not begins:
        raise TornAnswerError(f"{who} answers with an empty body. Nothing was landed; try again later.")
    if begins != _BEGINS[shape]:
        raise UnusableAnswerError(
            f"{who} answers with {_KINDS.get(begins, 'something that is not JSON')} instead of a JSON {shape}. "
            "Nothing was landed; look whether the address is that of the API, and what the API says."
        )
    elements = "json_array_length(body)" if shape == "array" else "1"
    found = duck.execute(f"SELECT CASE WHEN json_valid(body) THEN {elements} END FROM (SELECT ?::VARCHAR AS body)", [text]).fetchone()
    if found is None or found[0] is None:
        raise TornAnswerError(f"The answer of {who} begins as JSON but is not whole, or not valid. Nothing was landed; try again later.")
    return int(found[0])
