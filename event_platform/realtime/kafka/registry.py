"""The schema registry: which schemas messages have, and whether a contract may change as it did."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from event_platform.errors import ConfigurationError, TransientError
from event_platform.realtime.kafka import client, schemas

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from confluent_kafka.schema_registry import RegisteredSchema
    from confluent_kafka.schema_registry import Schema as RegistrySchema

    from event_platform.environment import Environment
    from event_platform.realtime.kafka.schemas import Schema
    from event_platform.sources.contract import Source

RULE = "BACKWARD"
"""Who knows the newest schema can read all messages that are older; the rule of a subject for which nobody set another."""
NO_RULE = "NONE"
ANSWER_SECONDS = 10.0
NOT_FOUND = 404

Asked = TypeVar("Asked")
Given = TypeVar("Given")

_OPTIONS = {"timeout": ANSWER_SECONDS, "max.retries": 2, "cache.latest.ttl.sec": 0}
_NUMBERS = {"timeout", "max.retries", "retries.wait.ms", "retries.max.wait.ms", "cache.capacity", "cache.latest.ttl.sec"}


@dataclass(frozen=True)
class Registered:
    """A version of a subject: its number in the registry, the version from 1, the schema."""

    subject: str
    version: int
    schema_id: int
    schema: Schema


class Registry:
    """Confluent's protocol, asked with bounded waits. Methods raise TransientError when the registry is away, ConfigurationError when it refuses."""

    def __init__(self, environment: Environment) -> None:
        """Ask nothing yet. Raises ConfigurationError when nobody said where the registry is, or its options do not fit."""
        kafka = client.kafka_of(environment)
        if kafka.registry is None:
            raise ConfigurationError("Nobody said where the schema registry is: set EVENT_PLATFORM_SCHEMA_REGISTRY to its address.")
        from confluent_kafka.schema_registry import SchemaRegistryClient

        self._address = without_password(kafka.registry)
        try:
            options = {name: float(value) if name in _NUMBERS else value for name, value in kafka.registry_options.items()}
            self._client = SchemaRegistryClient({"url": kafka.registry, **_OPTIONS, **options})
        except (ValueError, TypeError, OSError) as error:
            raise ConfigurationError(
                f"The schema registry cannot be asked ({type(error).__name__}): an option in EVENT_PLATFORM_SCHEMA_REGISTRY_SET_… does not fit."
            ) from error

    def register(self, source: Source, rule: str | None = None) -> Registered:
        """Register the schema of a contract under the subject of its topic, where it is not yet, and set the subject's rule.

        Without `rule` a subject keeps the one it has, also NO_RULE; a new one is given RULE. Raises ConfigurationError, and registers nothing,
        when the rule forbids the change.
        """
        latest = self.latest(source)
        if latest is None:
            registered = self._register(source)
            self._set_rule(source, rule or RULE)  # a subject has none before it is there
            return registered
        if rule or self.rule(source) is None:
            self._set_rule(source, rule or RULE)
        self.check(source)
        return self.own(source) or self._register(source)

    def check(self, source: Source) -> None:
        """Raise ConfigurationError that names the field and the way out when the contract has changed as the subject's rule forbids."""
        latest, schema = self.latest(source), schemas.schema_of(source)
        if latest is None or schemas.is_same(latest.schema, schema) or (rule := self.rule(source)) == NO_RULE:
            return
        found = schemas.unreadable(latest.schema, schema)
        with self._explained():
            allowed = self._client.test_compatibility(latest.subject, _as_registered(schema)) if rule else not found
        if not allowed:
            raise incompatible(source, latest.version, found, rule or RULE)

    def number_for_writing(self, source: Source) -> int:
        """The number of the contract's schema. Raises ConfigurationError when it is not registered, or has changed as the rule forbids."""
        self.check(source)
        own = self.own(source)
        if own is None:
            raise ConfigurationError(f"The schema of {source.name} is not registered as it is now: event-platform schema register {source.name}")
        return own.schema_id

    def own(self, source: Source) -> Registered | None:
        """The version that says what the contract says; None when there is none. It need not be the newest: a change may have been taken back."""
        latest, schema = self.latest(source), schemas.schema_of(source)
        if latest and schemas.is_same(latest.schema, schema):
            return latest
        with self._explained():
            found = _or_none(partial(self._client.lookup_schema, schemas.subject_of(source)), _as_registered(schema))
        return _registered(found) if found else None

    def latest(self, source: Source) -> Registered | None:
        """The newest version of the source's subject; None when there is none."""
        with self._explained():
            found = _or_none(self._client.get_latest_version, schemas.subject_of(source))
        return _registered(found) if found else None

    def schema(self, schema_id: int) -> Schema | None:
        """The schema of that number, as it was registered; None when there is none."""
        with self._explained():
            found = _or_none(self._client.get_schema, schema_id)
        return _parsed(found.schema_str) if found else None

    def subjects(self) -> list[str]:
        """The names of all subjects."""
        with self._explained():
            return self._client.get_subjects()

    def rule(self, source: Source) -> str | None:
        """The rule of the source's subject; None where a registry says that it has none. Others name the one that holds for all subjects then."""
        with self._explained():
            return _or_none(self._client.get_compatibility, schemas.subject_of(source))

    def _set_rule(self, source: Source, rule: str) -> None:
        with self._explained():
            self._client.set_compatibility(schemas.subject_of(source), rule)

    def _register(self, source: Source) -> Registered:
        subject, schema = schemas.subject_of(source), _as_registered(schemas.schema_of(source))
        with self._explained():
            self._client.register_schema(subject, schema)
            return _registered(self._client.lookup_schema(subject, schema))

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Raise the client's errors as the platform's."""
        from confluent_kafka.schema_registry.common._httpx_compat import httpx  # whichever the client uses
        from confluent_kafka.schema_registry.error import SchemaRegistryError

        it = f"The schema registry at {self._address}"
        try:
            yield
        except SchemaRegistryError as error:
            if error.http_status_code in (401, 403):
                raise ConfigurationError(f"{it} refuses who asks. See EVENT_PLATFORM_SCHEMA_REGISTRY.") from error
            if error.http_status_code >= 500 or error.http_status_code in (408, 429):
                raise TransientError(f"{it} fails ({error.http_status_code}). Nothing is lost; try again.") from error
            raise ConfigurationError(f"{it} refuses: {error.error_message}. See EVENT_PLATFORM_SCHEMA_REGISTRY.") from error
        except httpx.InvalidURL as error:
            raise ConfigurationError(f"{it} cannot be asked: see EVENT_PLATFORM_SCHEMA_REGISTRY.") from error
        except (httpx.TransportError, OSError) as error:
            raise TransientError(f"{it} does not answer ({type(error).__name__}). Nothing is lost; try again.") from error
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            raise ConfigurationError(f"What answers at {self._address} is no schema registry: see EVENT_PLATFORM_SCHEMA_REGISTRY.") from error


def without_password(url: str) -> str:
    """The address as it may be shown: what follows the last @, for a / in the password makes what follows it a path."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def check_offline(source: Source, known: Mapping[str, Schema]) -> None:
    """`Registry.check` against schemas by subject, under the rule BACKWARD."""
    older = known.get(schemas.subject_of(source))
    if older and (found := schemas.unreadable(older, schemas.schema_of(source))):
        raise incompatible(source, None, found)


def incompatible(source: Source, version: int | None, found: Iterable[str], rule: str = RULE) -> ConfigurationError:
    """What is told of a change that is forbidden."""
    why = "; ".join(found) or "the registry refuses it, though older messages could be read"
    which = f"version {version}" if version else "the schema that is kept"
    subject = schemas.subject_of(source)
    return ConfigurationError(f"The contract of {source.name} has changed since {which} of {subject} as the rule {rule} forbids: {why}.")


def _or_none(ask: Callable[[Asked], Given], about: Asked) -> Given | None:
    """The answer; None when the registry has no such thing."""
    from confluent_kafka.schema_registry.error import SchemaRegistryError

    try:
        return ask(about)
    except SchemaRegistryError as error:
        if error.http_status_code == NOT_FOUND:
            return None
        raise


def _as_registered(schema: Schema) -> RegistrySchema:
    from confluent_kafka.schema_registry import Schema as RegistrySchema

    return RegistrySchema(json.dumps(schema), "AVRO")


def _registered(found: RegisteredSchema) -> Registered:
    return Registered(found.subject or "", found.version or 0, found.schema_id or 0, _parsed(found.schema.schema_str))


def _parsed(text: str | None) -> Schema:
    """The registry's text; one that is no record is given as a record without fields."""
    found = json.loads(text or "{}")
    return found if isinstance(found, dict) else {"type": found, "fields": []}
