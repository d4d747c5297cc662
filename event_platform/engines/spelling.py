"""Names, texts and dates as SQL spells them, DuckDB's and PostgreSQL's alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date


def identifier(name: str) -> str:
    """A column's or table's name, quoted."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text, quoted."""
    return "'" + text.replace("'", "''") + "'"


def literals(texts: Iterable[str]) -> str:
    """Texts, each quoted, with commas between them: what stands within the brackets of a list."""
    return ", ".join(map(literal, texts))


def in_dates(column: str, days: Iterable[date]) -> str:
    """Whether a column of dates, as it stands in statements, is one of the days; false when there are no days."""
    listed = ", ".join(f"DATE '{day.isoformat()}'" for day in sorted(days))
    return f"({column} IN ({listed}))" if listed else "false"


def literal_path(path: object) -> str:
    """A file's path, quoted, as a glob pattern that matches nothing else."""
    return literal("".join(f"[{letter}]" if letter in "*?[" else letter for letter in str(path)))
