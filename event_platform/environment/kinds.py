"""What may be written into variables, wherever more than one setting has it. Texts that may hold a password are repeated in no error."""

from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from event_platform.environment.setting import Kind
from event_platform.errors import ConfigurationError


def _number(name: str, text: str, least: float = 0) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not least <= value < float("inf"):
        raise ConfigurationError(f"{name} is {text!r}, which is not a number of at least {least:g}; unset it or give such a number.")
    return value


def _amount(unit: str, factor: int) -> Kind[int]:
    return Kind(unit, lambda name, text: int(_number(name, text) * factor), lambda value: f"{value / factor:g}")


def _address(name: str, text: str) -> str:
    """An address without its last slash."""
    try:
        parts = urlsplit(text := text.rstrip("/"))
        sound = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and not parts.query and not parts.fragment
    except ValueError:
        sound = False
    if not sound:
        raise ConfigurationError(f"{name} is not the address of an API; give one such as https://api.example.com, without a query.")
    return text


TEXT: Kind[str] = Kind("text", lambda _, text: text)
PATH: Kind[Path] = Kind("path", lambda _, text: Path(text).expanduser().absolute())
ADDRESS: Kind[str] = Kind("`http://…` or `https://…`", _address)
SECONDS: Kind[timedelta] = Kind("seconds", lambda name, text: timedelta(seconds=_number(name, text)), lambda value: f"{value.total_seconds():g}")
GIGABYTES = _amount("GiB", 1 << 30)
MEGABYTES = _amount("MiB", 1 << 20)
COUNT: Kind[int] = Kind("whole number, 1 or more", lambda name, text: int(_number(name, text, least=1)))
NUMBER_OR_NONE: Kind[int | None] = Kind("whole number", lambda name, text: int(_number(name, text)) or None)
SWITCH: Kind[bool] = Kind("0 or 1", lambda name, text: _number(name, text) > 0, lambda value: str(int(value)))
