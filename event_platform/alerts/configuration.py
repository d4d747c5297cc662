"""`alerts.toml`: rules, recipients, and hours in which nobody is disturbed. See docs/feeds/weather.md for an example.

The file holds no address: a recipient names the environment variable that does.
"""

from __future__ import annotations

import tomllib
from datetime import time, timedelta
from typing import TYPE_CHECKING, Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat, ValidationError, model_validator

from event_platform.errors import ConfigurationError
from event_platform.sources.weather import SOURCE

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pydantic_core import ErrorDetails

    from event_platform.environment import Environment

NUMERIC_COLUMNS = tuple(column.name for column in SOURCE.columns if column.type in ("long", "double"))
"""The columns of trusted.weather that a rule may look at."""


def _zone(name: object) -> ZoneInfo:
    if not isinstance(name, str) or name not in available_timezones():
        raise ValueError("is no time zone; write one such as 'Europe/Amsterdam' or 'UTC'")
    return ZoneInfo(name)


def _time_of_day(text: object) -> time:
    try:
        return time.fromisoformat(text) if isinstance(text, str) and len(text) == len("HH:MM") else _no_time()
    except ValueError:
        return _no_time()


def _no_time() -> time:
    raise ValueError("is no time of day; write 'HH:MM' in quotes")


def _numeric_column(name: object) -> str:
    if name not in NUMERIC_COLUMNS:
        raise ValueError(f"is no numeric column of trusted.weather; those are {', '.join(NUMERIC_COLUMNS)}")
    return str(name)


Zone = Annotated[ZoneInfo, BeforeValidator(_zone)]
TimeOfDay = Annotated[time, BeforeValidator(_time_of_day)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w .-]{0,59}$")]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, arbitrary_types_allowed=True)


class Hours(_Section):
    """When not to disturb: daily from `quiet_from` until `quiet_until`, local times of `time_zone`; the span may pass midnight."""

    time_zone: Zone = ZoneInfo("UTC")
    quiet_from: TimeOfDay | None = None
    quiet_until: TimeOfDay | None = None

    @model_validator(mode="after")
    def _is_a_span(self) -> Hours:
        if (self.quiet_from is None) != (self.quiet_until is None):
            raise ValueError("has one of quiet_from and quiet_until; give both or neither")
        if self.quiet_from is not None and self.quiet_from == self.quiet_until:
            raise ValueError("is quiet from and until the same time, which is no span")
        return self


class Recipient(Hours):
    """Somebody to tell, by an Apprise URL or by AWS SNS (topic ARN or telephone number), which the environment variable `address_from` holds.

    With `deliver_at` messages are gathered and sent together at these local times of day.
    """

    channel: Literal["apprise", "sns"] = "apprise"
    address_from: Annotated[str, Field(pattern=r"^[A-Z_][A-Z0-9_]{0,79}$")]
    deliver_at: Annotated[tuple[TimeOfDay, ...], Field(strict=False)] = ()


class Rule(_Section):
    """A threshold on one column at all places or some: breached above `above` or below `below`, over when back at `clear`.

    `clear` is the threshold itself unless given; a distance between the two keeps a value that trembles around the threshold from causing
    a message each time. After a breach was told, no further one of the same rule and place is for `cooldown_minutes`.
    """

    name: Name
    column: Annotated[str, BeforeValidator(_numeric_column)]
    above: FiniteFloat | None = None
    below: FiniteFloat | None = None
    clear: FiniteFloat | None = None
    cooldown_minutes: Annotated[float, Field(ge=0)] = 60
    places: Annotated[frozenset[str] | None, Field(strict=False, min_length=1)] = None
    recipients: Annotated[tuple[str, ...], Field(strict=False, min_length=1)]

    @model_validator(mode="after")
    def _has_one_threshold(self) -> Rule:
        if (self.above is None) == (self.below is None):
            raise ValueError("must have one of above and below")
        if self.breached_by(self.clear_level):
            raise ValueError("has a clear level that is itself a breach")
        return self

    @property
    def threshold(self) -> float:
        """The level beyond which the rule is breached."""
        return self.above if self.above is not None else self.below  # type: ignore[return-value] # one of them is given

    @property
    def clear_level(self) -> float:
        """The level at which a breach is over."""
        return self.threshold if self.clear is None else self.clear

    @property
    def cooldown(self) -> timedelta:
        """The least time between two breaches told."""
        return timedelta(minutes=self.cooldown_minutes)

    def breached_by(self, value: float) -> bool:
        """Whether the value lies beyond the threshold."""
        return value > self.threshold if self.above is not None else value < self.threshold

    def cleared_by(self, value: float) -> bool:
        """Whether the value ends a breach."""
        return value <= self.clear_level if self.above is not None else value >= self.clear_level

    def applies_to(self, place: str) -> bool:
        """Whether the rule looks at the place."""
        return self.places is None or place in self.places


class Operations(_Section):
    """Who is told of failed runs, failing checks and silent feeds; of the same problem again not before `cooldown_minutes` have passed."""

    recipients: Annotated[tuple[str, ...], Field(strict=False, min_length=1)]
    cooldown_minutes: Annotated[float, Field(ge=0)] = 60


class Configuration(_Section):
    """All of `alerts.toml`.

    An observation older than `max_age_minutes` when it is first seen raises nothing. A message that could not be delivered for
    `give_up_after_hours` is given up, which the log and the check on the table say.
    """

    max_age_minutes: Annotated[float, Field(gt=0)] = 120
    give_up_after_hours: Annotated[float, Field(gt=0)] = 24
    recipients: dict[Name, Recipient]
    places: dict[str, Hours] = {}
    rules: Annotated[tuple[Rule, ...], Field(strict=False)] = ()
    operations: Operations | None = None

    @model_validator(mode="after")
    def _names_agree(self) -> Configuration:
        names = [rule.name for rule in self.rules]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"has two rules named {', '.join(sorted(twice))}")
        for rule in self.rules:
            if unknown := set(rule.recipients) - self.recipients.keys():
                raise ValueError(f"has no recipients.{min(unknown)}, whom the rule {rule.name!r} names")
        if self.operations and (unknown := set(self.operations.recipients) - self.recipients.keys()):
            raise ValueError(f"has no recipients.{min(unknown)}, whom [operations] names")
        return self


def is_configured(environment: Environment) -> bool:
    """Whether there is a configuration file."""
    return environment.alerts.is_file()


def read(path: Path) -> Configuration:
    """The configuration in the file; ConfigurationError that names file and key, or the line that is no TOML."""
    try:
        return Configuration.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} is not TOML: {error}. See docs/feeds/weather.md for an example.") from error
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}. See docs/feeds/weather.md for an example.") from error
    except ValidationError as error:
        wrong = "; ".join(_sentence(each) for each in error.errors(include_input=False))
        raise ConfigurationError(f"{path} cannot be used: {wrong}. See docs/feeds/weather.md for an example.") from None


def _sentence(error: ErrorDetails) -> str:
    """One complaint of pydantic's, without the value: somebody may have written a secret there."""
    return f"`{_key(error['loc']) or 'the file'}` {_said(error)}"


def _said(error: ErrorDetails) -> str:
    known = {"missing": "is missing", "extra_forbidden": "is no setting"}
    return known.get(error["type"]) or error["msg"].removeprefix("Value error, ").replace("Input should", "should").replace("String should", "should")


def _key(place: Iterable[int | str]) -> str:
    """`rules[2].above`, counted from 1 as people do."""
    return "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in place).removeprefix(".")
