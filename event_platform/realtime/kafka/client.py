"""How Kafka is spoken to: where it is, with which options, topics made where they are missing, and its errors in words."""

from __future__ import annotations

import logging
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from event_platform.errors import ConfigurationError, PermanentError, TransientError
from event_platform.realtime.kafka import schemas

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from confluent_kafka import Consumer, KafkaError, Producer
    from confluent_kafka.admin import AdminClient

    from event_platform.environment import Environment, Kafka
    from event_platform.sources.contract import Source

ANSWER_SECONDS = 10.0
"""How long the cluster may take to answer what is not about events."""
DELIVERY_SECONDS = 10.0
"""How long a message may take until it is acknowledged; then its fate is unknown."""
LARGEST_MESSAGE_BYTES = 9 << 20
"""Of the topics made here: the largest body that a collector may take, and what an envelope adds."""
DEFAULT_MESSAGE_BYTES = 1_000_000
"""Of topics whose settings nobody changed."""
LOOK_EVERY_SECONDS = 0.05
"""How often the brokers are asked whether they know of a topic that was made."""

_log = logging.getLogger(__name__)


def kafka_of(environment: Environment) -> Kafka:
    """Where Kafka is. Raises ConfigurationError when nobody said, or the client is not installed."""
    try:
        import confluent_kafka  # noqa: F401
    except ImportError:
        raise ConfigurationError("Kafka needs more packages; install them with: pip install 'event-platform[kafka]'") from None
    if environment.kafka is None:
        raise ConfigurationError("Nobody said where Kafka is: set EVENT_PLATFORM_KAFKA to host:port of its brokers, with commas between them.")
    return environment.kafka


def configuration(environment: Environment, **options: Any) -> dict[str, Any]:  # noqa: ANN401 - librdkafka's
    """A client's configuration: `options` (with _ for the points), then what the environment sets, which outdoes them."""
    kafka = kafka_of(environment)
    ours = {
        "bootstrap.servers": kafka.bootstrap_servers,
        "client.id": "event-platform",
        "log_level": 2,  # what passes is told by those who wait for it, once, and in words
        "socket.timeout.ms": int(ANSWER_SECONDS * 1000),
        "socket.keepalive.enable": True,
        "reconnect.backoff.max.ms": 2_000,
        **{name.replace("_", "."): value for name, value in options.items()},
    }
    return {**ours, "logger": _log, **kafka.options}


def producer(environment: Environment, **options: Any) -> Producer:  # noqa: ANN401
    """A producer that repeats nothing and reports as sent what all replicas in step hold, whatever the environment sets.

    Keys go to the partitions to which Java's clients send them. Raises ConfigurationError for options that do not fit.
    """
    from confluent_kafka import Producer

    ours = {
        "compression_type": "lz4",
        "partitioner": "murmur2_random",
        "delivery_timeout_ms": int(DELIVERY_SECONDS * 1000),
        "message_max_bytes": LARGEST_MESSAGE_BYTES,
        "queue_buffering_max_messages": 2_000_000,
    }
    with explained("Kafka"):
        return Producer({**configuration(environment, **(ours | options)), "enable.idempotence": True, "acks": "all"})


def consumer(environment: Environment, group: str, on_error: Callable[[KafkaError], None] | None = None, **options: Any) -> Consumer:  # noqa: ANN401
    """A consumer that commits nothing by itself, sees committed messages alone, and begins at the beginning. Raises ConfigurationError.

    `on_error` is told what befalls the client while messages are asked for.
    """
    from confluent_kafka import Consumer

    ours = {"group_id": group, "auto_offset_reset": "earliest", "isolation_level": "read_committed"}
    with explained("Kafka"):
        return Consumer({**configuration(environment, **(ours | options)), "enable.auto.commit": False, "error_cb": on_error or _log.debug})


def admin(environment: Environment) -> AdminClient:
    """A client for topics and groups; keep it while its answers are awaited. Raises ConfigurationError."""
    from confluent_kafka.admin import AdminClient

    with explained("Kafka"):
        return AdminClient(configuration(environment))


def topics_of(environment: Environment) -> set[str]:
    """The topics there are. Raises TransientError when the cluster does not answer, ConfigurationError when it does not let us in."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    complaints: list[KafkaError] = []
    settings = configuration(environment)
    settings["error_cb"] = complaints.append
    with explained("Kafka"):
        asking = AdminClient(settings)
    try:
        return set(asking.list_topics(timeout=ANSWER_SECONDS).topics)
    except KafkaException as error:
        asking.poll(0)
        raise in_words("Kafka", _cause(error.args[0], complaints)) from error


def ensure_topics(environment: Environment, sources: Iterable[Source]) -> None:
    """Make the topics of the sources, and those for dead letters, as the cluster makes topics by default, where they are missing.

    They can be used when this returns. Raises TransientError when the cluster does not answer, ConfigurationError when it refuses.
    """
    from confluent_kafka.admin import NewTopic  # type: ignore[attr-defined]

    topics = [schemas.topic_of(source) for source in sources]
    wanted = [*topics, *map(schemas.dead_letters_of, topics)]
    there, client = topics_of(environment), admin(environment)
    missing = [NewTopic(name, config={"max.message.bytes": str(LARGEST_MESSAGE_BYTES)}) for name in wanted if name not in there]
    made = client.create_topics(missing, operation_timeout=ANSWER_SECONDS, request_timeout=ANSWER_SECONDS) if missing else {}
    for name, done in made.items():
        _await_topic(name, done)
    if made:
        await_leaders(client, made)


def _await_topic(name: str, done: Any) -> None:  # noqa: ANN401 - a Future
    from confluent_kafka import KafkaError, KafkaException

    with explained(f"Making the topic {name}"):
        try:
            done.result(2 * ANSWER_SECONDS)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:  # somebody else made it meanwhile
                raise
        else:
            _log.info("made the topic %s", name)


def await_leaders(client: AdminClient, names: Collection[str]) -> None:
    """Wait for topics that were made: the controller says that they are before brokers have heard of them, and brokers before they lead them.

    So the leader of each partition is asked where it ends. Raises TransientError when that takes too long, and as `explained` does.
    """
    from confluent_kafka import KafkaException, TopicPartition
    from confluent_kafka.admin import OffsetSpec  # type: ignore[attr-defined] # its stubs lag behind

    def are_led() -> bool:
        known = client.list_topics(timeout=ANSWER_SECONDS).topics
        partitions = [TopicPartition(name, number) for name in names if name in known for number in known[name].partitions]
        if {place.topic for place in partitions} != set(names):
            return False
        ends = client.list_offsets({place: OffsetSpec.latest() for place in partitions}, request_timeout=ANSWER_SECONDS)  # type: ignore[no-untyped-call]
        try:
            for end in ends.values():
                end.result(2 * ANSWER_SECONDS)
        except KafkaException as error:
            if error.args[0].name() not in UNKNOWN_TOPIC | NOT_LED:
                raise
            return False
        return True

    with explained("Kafka"):
        try:
            Retrying(retry=retry_if_result(lambda led: not led), wait=wait_fixed(LOOK_EVERY_SECONDS), stop=stop_after_delay(ANSWER_SECONDS))(are_led)
        except RetryError as error:
            raise TransientError(f"No broker of Kafka leads {', '.join(names)} yet. Nothing is lost; try again.") from error


def largest_message_bytes(environment: Environment, topics: Iterable[str]) -> int:
    """The largest message that all these topics take; what Kafka's take by default where we may not know. Raises as `ensure_topics` does."""
    from confluent_kafka import KafkaException

    client = admin(environment)
    asked = _asked(client, topics)
    limits = []
    for answer in asked.values():
        with explained("Kafka"):
            try:
                limits.append(int(answer.result(2 * ANSWER_SECONDS)["max.message.bytes"].value))
            except KafkaException as error:
                if not error.args[0].name().endswith("AUTHORIZATION_FAILED"):
                    raise
                limits.append(DEFAULT_MESSAGE_BYTES)
    return min(limits)


def settings_of(environment: Environment, topics: Iterable[str]) -> dict[str, dict[str, str]]:
    """The settings of topics that are there, by topic. Raises as `ensure_topics` does."""
    client = admin(environment)
    with explained("Kafka"):
        answers = {resource.name: answer.result(2 * ANSWER_SECONDS) for resource, answer in _asked(client, topics).items()}
    return {topic: {name: entry.value for name, entry in answer.items()} for topic, answer in answers.items()}


def _asked(client: AdminClient, topics: Iterable[str]) -> dict[Any, Any]:
    """The answers to come, by resource."""
    from confluent_kafka.admin import ConfigResource, ResourceType  # type: ignore[attr-defined]

    resources = [ConfigResource(ResourceType.TOPIC, name) for name in topics]
    return client.describe_configs(resources, request_timeout=ANSWER_SECONDS) if resources else {}


# Errors.


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Raise the client's errors as the platform's: a setting, a refusal, or something that passes."""
    from confluent_kafka import KafkaException

    try:
        yield
    except KafkaException as error:
        raise in_words(what, error.args[0]) from error
    except TimeoutError as error:
        raise TransientError(f"{what}: the cluster does not answer. Nothing is lost; try again.") from error


def _cause(error: KafkaError, complaints: Iterable[KafkaError]) -> KafkaError:
    """What the client complained of while it tried: a setting before anything else, then whatever says more than that nobody answers."""
    telling = [each for each in complaints if each.name() != "_ALL_BROKERS_DOWN"]
    return next((each for each in telling if each.name() in _SETTINGS), next(iter(telling), error))


def in_words(what: str, error: KafkaError) -> ConfigurationError | PermanentError | TransientError:
    """An error of the client or the cluster as the platform's, with its own words, which hold no payload and no password."""
    name, said = error.name(), re.sub(r'value "[^"]*"', "value", re.sub(r" \(after .*\)$", "", error.str().strip()).rstrip("."))
    if name in _SETTINGS or name.endswith("AUTHORIZATION_FAILED"):
        return ConfigurationError(f"{what} cannot be used ({name}): {said}. See EVENT_PLATFORM_KAFKA and EVENT_PLATFORM_KAFKA_SET_….")
    if name in UNKNOWN_TOPIC:
        return ConfigurationError(f"{what}: the topic is not there ({said}). The collector makes it as it starts.")
    if name in _TOO_LARGE:
        return PermanentError(f"{what}: a message is larger than the topic takes ({said}). Raise max.message.bytes of the topic.")
    return TransientError(f"{what} does not do its work at present ({name}): {said}. Nothing is lost; try again.")


_SETTINGS = {"_INVALID_ARG", "_AUTHENTICATION", "SASL_AUTHENTICATION_FAILED", "UNSUPPORTED_SASL_MECHANISM", "_SSL", "_NOT_CONFIGURED"}
UNKNOWN_TOPIC = {"_UNKNOWN_TOPIC", "UNKNOWN_TOPIC_OR_PART"}
NOT_LED = {"LEADER_NOT_AVAILABLE", "NOT_LEADER_FOR_PARTITION", "FENCED_LEADER_EPOCH", "UNKNOWN_LEADER_EPOCH", "OFFSET_NOT_AVAILABLE"}
"""What a partition says whose leader has just changed: the first leader of a new one too."""
_TOO_LARGE = {"MSG_SIZE_TOO_LARGE", "RECORD_LIST_TOO_LARGE"}
