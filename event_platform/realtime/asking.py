"""Asking the lake itself: the SQL by which stage judges lines, over lines that have not landed yet."""

from __future__ import annotations

import re
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from event_platform import partitions
from event_platform.engines.duckdb import connect
from event_platform.stage.judge import judged_sql

if TYPE_CHECKING:
    from collections.abc import Sequence

    from event_platform.environment import Environment
    from event_platform.sources.contract import Source

MEMORY_LIMIT = "300MB"

_LINES = """
    SELECT
        unnest($1::VARCHAR[]) AS line, generate_subscripts($1::VARCHAR[], 1) AS line_number, $2::DATE AS landing_date, '' AS landing_file,
        0::BIGINT AS file_id, '' AS file_name, false AS _careful, false AS _of_topic, 0 AS _header_line, []::VARCHAR[] AS _header"""

_STRING_OR_END_OF_LINE = re.compile(rb'"(?:[^"\\]|\\.)*"|[\r\n]', re.DOTALL)


class LakeJudge:
    """Reasons by which lines would be quarantined if they landed today (UTC). For one thread at a time."""

    def __init__(self, environment: Environment, source: Source) -> None:
        """Open a connection of its own."""
        self._closing = ExitStack()
        modest = replace(environment, memory_limit=MEMORY_LIMIT, threads=1)
        self._duck = self._closing.enter_context(connect(modest))
        self._sql = f"WITH lines AS ({_LINES}), {judged_sql(source)} SELECT _reason FROM judged ORDER BY line_number"

    def reasons(self, lines: Sequence[bytes]) -> list[str | None]:
        """A reason, or None, for each line."""
        texts = [_text(line) for line in lines]
        readable = [text for text in texts if text is not None]
        found = iter(self._duck.execute(self._sql, [readable, partitions.today()]).fetchall() if readable else [])
        return ["not valid UTF-8" if text is None else next(found)[0] for text in texts]

    def close(self) -> None:
        """Close the connection."""
        self._closing.close()


def _text(line: bytes) -> str | None:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return None


def on_one_line(text: bytes) -> bytes:
    """A JSON text without ends of lines outside of its strings; within them they are not JSON, and stay."""
    if b"\n" not in text and b"\r" not in text:
        return text
    return _STRING_OR_END_OF_LINE.sub(lambda found: found[0] if found[0].startswith(b'"') else b" ", text)
