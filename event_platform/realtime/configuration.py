"""`collector.toml` in the home: which feeds may be posted, by whom, and how much. Without it, the clickstream, by whoever is on this machine.

The file holds no secret: a key names the environment variable that does. docs/collecting.md has an example.
"""

from __future__ import annotations

import ipaddress
import tomllib
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from event_platform import environment as settings
from event_platform import sources
from event_platform.errors import ConfigurationError
from event_platform.realtime.kafka.schemas import is_streamable

if TYPE_CHECKING:
    from pathlib import Path

    from event_platform.environment import Environment
    from event_platform.sources.contract import Source

MIB = 1 << 20


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Key(_Section):
    """Who may post to which topics, and how many events a second over time; `burst` is how many at once. Each worker process counts for itself."""

    secret_from: Annotated[str, Field(pattern=r"^[A-Z_][A-Z0-9_]{0,79}$")]
    topics: Annotated[tuple[str, ...], Field(min_length=1)]
    events_per_second: Annotated[float, Field(gt=0)] | None = None
    burst: Annotated[int, Field(gt=0)] = 10_000


class Limits(_Section):
    """What one request may be, and what all together may be that are not answered yet, in each worker process."""

    body_bytes: Annotated[int, Field(gt=0, le=8 * MIB)] = 2 * MIB
    body_seconds: Annotated[float, Field(gt=0)] = 10.0
    requests_at_once: Annotated[int, Field(gt=0)] = 512
    waiting_bytes: Annotated[int, Field(gt=0)] = 64 * MIB


class Collector(_Section):
    """The whole file. `origins` are the pages' origins that browsers may post from; `*` for all. `sink` is where events are kept."""

    sink: Literal["embedded", "kafka"] = "embedded"
    topics: Annotated[tuple[str, ...], Field(min_length=1)] = ("clickstream",)
    origins: tuple[str, ...] = ()
    segment_topic: str = "clickstream"
    keys: dict[str, Key] = Field(default_factory=dict)
    limits: Limits = Limits()

    def sources(self) -> dict[str, Source]:
        """The contracts of the topics. Raises ConfigurationError for one that cannot be collected."""
        return {name: _collectable(name) for name in self.topics}

    def secrets(self) -> dict[str, str]:
        """The keys' secrets by name. Raises ConfigurationError when one is not set."""
        return {name: settings.secret(key.secret_from) for name, key in self.keys.items()}

    def refuse_strangers(self, host: str) -> None:
        """Raise ConfigurationError when events could be posted from elsewhere without a key."""
        if not self.keys and not _is_loopback(host):
            raise ConfigurationError(
                f"Anybody who reaches {host} could post events, for collector.toml has no keys. Add one, or listen on 127.0.0.1 alone."
            )


def read(environment: Environment) -> Collector:
    """Read the file; the defaults where there is none. Raises ConfigurationError that names what is wrong in it."""
    path = environment.collector
    try:
        found = Collector.model_validate(tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {})
    except (ValidationError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be used: {_said(error)}. See docs/collecting.md.") from error
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read ({error.strerror}).") from error
    _refuse_unknown(found, path)
    return found


def _refuse_unknown(found: Collector, path: Path) -> None:
    there = sources.all_sources()
    if missing := [topic for topic in found.topics if topic not in there]:
        topics = ", ".join(f'"{name}"' for name, source in there.items() if is_streamable(source))
        way_out = f"Say in {path} which are to be: topics = [{topics}]" if topics else "Add one of JSON lines first."
        raise ConfigurationError(f"Events of {', '.join(missing)} cannot be collected: there is no such feed. {way_out}")
    named = {topic for key in found.keys.values() for topic in key.topics}
    if unknown := named - set(found.topics):
        raise ConfigurationError(f"{path} gives keys for {', '.join(sorted(unknown))}, which its `topics` do not list.")
    found.sources()


def _collectable(name: str) -> Source:
    source = sources.all_sources()[name]
    if not is_streamable(source):
        raise ConfigurationError(f"Events of {name} cannot be collected: its files are no JSON lines, or their names say something.")
    return source


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _said(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc'])) or 'the file'}: {first['msg']}"
    return str(error)
