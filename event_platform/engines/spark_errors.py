"""Spark's faults as the platform's errors: one paragraph, no Java stack trace."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from event_platform import errors
from event_platform.environment import log_as_told
from event_platform.errors import ConfigurationError, PermanentError, PlatformError, TransientError

_NOT_UNDERSTOOD = ("AnalysisException", "ParseException", "ParseError", "UnsupportedOperationException")
_UNFIT = ("ArithmeticException", "ArrayIndexOutOfBoundsException", "DateTimeException", "NumberFormatException", "SparkRuntimeException")
"""Values that a statement cannot be computed for. Spark's sentence quotes them, so only the name of the condition is told."""
_AWAY = ("Py4JNetworkError", "ConnectionRefusedError", "ConnectionResetError")

LOG_OF_JAVA = Path(__file__).with_name("log4j2.properties")

_NO_FILE_SYSTEM = re.compile(r'No FileSystem for scheme "?(\w+)')
_OF_OURS = re.compile(r"event_platform\.errors\.(\w+): (.+)")
"""How an error that the platform raised in an executor ends Python's traceback, which Spark hands on as text."""


def leave_telling_to_us() -> None:
    """Before Java starts: have neither it nor PySpark write to the standard error stream what is not an error, or is told by us.

    PySpark would write each fault there with Java's stack trace and the values that were to blame.
    """
    from pyspark.logger import PySparkLogger

    log_as_told(LOG_OF_JAVA)

    for name in ("SQLQueryContextLogger", "DataFrameQueryContextLogger"):
        PySparkLogger.getLogger(name).setLevel(logging.CRITICAL + 1)
    logging.getLogger().addFilter(_is_no_interrupt)


def _is_no_interrupt(record: logging.LogRecord) -> bool:
    """Py4J logs a traceback when Ctrl-C or SIGTERM comes while it talks to Java."""
    return "KeyboardInterrupt while sending command" not in record.getMessage()


@contextmanager
def explained(statement: str) -> Iterator[None]:
    """Turn what goes wrong within Spark into PermanentError or TransientError; errors that are the platform's already pass through."""
    try:
        yield
    except PlatformError:
        raise
    except Exception as error:
        kinds = {kind.__name__ for kind in type(error).__mro__}
        why = str(error).strip().partition("\n")[0][:300]
        if ours := _OF_OURS.search(str(error)):
            raise getattr(errors, ours[1], PermanentError)(ours[2]) from error
        if kinds.intersection(_UNFIT):
            why = f"{getattr(error, 'getCondition', str)()}."
        if kinds.intersection((*_NOT_UNDERSTOOD, *_UNFIT)):
            raise PermanentError(
                f"Spark cannot run a statement: {why} Give its table the engine duckdb in EVENT_PLATFORM_ENGINE, or write the "
                f"statement in what both engines know. It begins: {' '.join(statement.split())[:200]}"
            ) from error
        if missing := _NO_FILE_SYSTEM.search(str(error)):
            raise cannot_read(missing[1]) from error
        if kinds.intersection(_AWAY) or "SparkContext was shut down" in str(error) or "All masters are unresponsive" in str(error):
            raise TransientError(f"Spark is away ({why}). Nothing was committed; see that the master runs, then run again.") from error
        raise


def cannot_read(scheme: str) -> ConfigurationError:
    """A Spark that does not know such a store."""
    return ConfigurationError(
        f"Spark does not know how to read {scheme}://. For a lake on S3 it needs S3A, on its class path and in spark-defaults.conf in the folder "
        'that SPARK_CONF_DIR names: `make services NAMES="seaweedfs spark"` fetches the one and writes the other; see docs/engines.md.'
    )
