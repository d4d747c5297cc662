"""What is logged, as lines of JSON for machines that gather logs; on where EVENT_PLATFORM_LOG_FORMAT is `json`.

A line has the time (UTC), the level, the message, and the run, source and landing date it is about, each null where there is none.
"""

from __future__ import annotations

import io
import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import TextIO, cast


def line(
    message: str,
    level: str = "INFO",
    at: datetime | None = None,
    run_id: str | None = None,
    source: str | None = None,
    landing_date: str | None = None,
) -> str:
    """One line, with its end."""
    time = (at or datetime.now(UTC)).isoformat(timespec="milliseconds")
    told = {"time": time, "level": level, "run_id": run_id, "source": source, "landing_date": landing_date, "message": message}
    return json.dumps(told, ensure_ascii=False) + "\n"


class Lines(logging.Formatter):
    """A record of Python's logging as a line; of an exception its class alone, for its words may hold data."""

    def format(self, record: logging.LogRecord) -> str:
        """Without the end of the line, which the handler writes."""
        message = record.getMessage()
        if record.exc_info and record.exc_info[0]:
            message = f"{message} ({record.exc_info[0].__name__})"
        return line(message, record.levelname, datetime.fromtimestamp(record.created, UTC)).rstrip("\n")


def stderr() -> TextIO:
    """Standard error for people's eyes, whose lines come out as JSON."""
    return cast("TextIO", Stream(sys.stderr))


class Stream(io.TextIOBase):
    """Text in, a line of JSON a line out; what begins with `Error:` or tells of a failed run is an error."""

    def __init__(self, out: TextIO) -> None:
        """Writes to `out` line by line."""
        self._out, self._begun = out, ""

    def write(self, text: str) -> int:
        """Take text; what does not end with a line's end waits for it."""
        *whole, self._begun = (self._begun + text).split("\n")
        for each in filter(str.strip, whole):
            self._out.write(line(each.strip(), "ERROR" if re.match(r"Error:|Run \w+ failed:|run \w+ failed:", each) else "INFO"))
        return len(text)

    def flush(self) -> None:
        """Hand on what is whole."""
        self._out.flush()
