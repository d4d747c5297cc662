"""How what commands and runs tell is written."""

import os
from dataclasses import dataclass

from event_platform.environment.setting import Kind, setting
from event_platform.errors import ConfigurationError

LOG_FORMAT = "EVENT_PLATFORM_LOG_FORMAT"
FORMATS = ("text", "json")


def _format(name: str, text: str) -> str:
    if text not in FORMATS:
        raise ConfigurationError(f"{name} is {text!r}; write {' or '.join(FORMATS)}, or unset it.")
    return text


@dataclass(frozen=True)
class Logs:
    """Text for people, or lines of JSON."""

    log_format: str = setting(
        LOG_FORMAT,
        Kind("`text` or `json`", _format),
        "`json`: what commands and runs tell on standard error is lines of JSON",
        default="text",
    )


def logs_as_json() -> bool:
    """Whether what is logged is to be lines of JSON; asked before anything can be logged, so a setting that is neither is text here."""
    return os.environ.get(LOG_FORMAT) == "json"
