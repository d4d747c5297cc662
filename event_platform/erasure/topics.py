"""Topics of Kafka, which are not searched: what they hold goes with their retention, and the receipt says so."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from event_platform.errors import PlatformError
from event_platform.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from event_platform.environment import Environment
    from event_platform.sources.contract import Source

WAY_OUT = (
    "Wait until the retention is over. Sooner: once `event-platform consume` has landed and the stream has counted all that is there, delete the "
    "records up to the offset after the person's last message with kafka-delete-records.sh; everything before it goes, also what others have not "
    "read yet."
)


def not_searched(environment: Environment, sources: Iterable[Source]) -> list[dict[str, Any]]:
    """The topics of these sources: name, how long messages are kept, what to do. Empty where no brokers are set; they may be away."""
    if environment.kafka is None:
        return []
    from event_platform.realtime.kafka import client, schemas

    names = [name for topic in map(schemas.topic_of, sources) for name in (topic, schemas.dead_letters_of(topic))]
    try:
        there = client.topics_of(environment)
        kept = {name: told(settings) for name, settings in client.settings_of(environment, [name for name in names if name in there]).items()}
    except PlatformError as error:
        kept = dict.fromkeys(names, f"not known: {error}")
    return [{"place": f"topic {name} of Kafka", "kept": kept[name], "way_out": WAY_OUT} for name in names if name in kept]


def told(settings: Mapping[str, str]) -> str:
    """A topic's settings of retention in words."""
    milliseconds, most, policy = int(settings["retention.ms"]), int(settings["retention.bytes"]), settings["cleanup.policy"].split(",")
    if "delete" not in policy:
        return "until another message with their key, the last of each key for ever"
    within = "for ever" if milliseconds < 0 else _duration(timedelta(milliseconds=milliseconds))
    return within if most < 0 else f"{within}, at most {counted(most, 'byte')} a partition"


def _duration(time: timedelta) -> str:
    hours = time.total_seconds() / 3600
    return f"{hours / 24:g} days" if hours >= 48 else f"{hours:g} hours"
