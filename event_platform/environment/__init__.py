"""The one place that reads environment variables. Each is declared once, in the file of its group; docs/reference/settings.md lists them.

Nothing here writes: the folders are made by whoever first writes to them.
"""

import os
from dataclasses import dataclass, field
from difflib import get_close_matches

from event_platform.environment.emr import Emr, read_emr
from event_platform.environment.engines import DuckDb, Engines
from event_platform.environment.feeds import PLACE_NAME, Feeds, examples, extra_sources
from event_platform.environment.home import Home, home_or_default, require_sound_home
from event_platform.environment.kafka import Kafka, Stream, read_kafka
from event_platform.environment.loading import Loading, Redshift
from event_platform.environment.logs import Logs, logs_as_json
from event_platform.environment.process import is_set, log_as_told, require_java, secret, share_metrics_in
from event_platform.environment.project_folder import CHECKOUT, NEW_PROJECT, folder_of_dagster, project
from event_platform.environment.readers import Readers
from event_platform.environment.setting import Setting, declared_in, values

__all__ = [
    "CHECKOUT",
    "GROUPS",
    "NEW_PROJECT",
    "PLACE_NAME",
    "DuckDb",
    "Emr",
    "Engines",
    "Environment",
    "Feeds",
    "Home",
    "Kafka",
    "Loading",
    "Logs",
    "Readers",
    "Redshift",
    "Stream",
    "examples",
    "extra_sources",
    "folder_of_dagster",
    "is_set",
    "log_as_told",
    "logs_as_json",
    "project",
    "read",
    "require_java",
    "require_sound_home",
    "secret",
    "settings",
    "share_metrics_in",
    "unknown",
]

GROUPS: tuple[type, ...] = (Home, Logs, Feeds, DuckDb, Engines, Emr, Readers, Loading, Redshift, Kafka, Stream)
"""All that hold settings, in the order in which a reader wants them."""


@dataclass(frozen=True)
class Environment(Loading, Readers, DuckDb, Feeds, Logs, Home):
    """What the process was told from outside; `emr` and `kafka` are None where nothing is named."""

    redshift: Redshift = field(default_factory=Redshift)
    engines: Engines = field(default_factory=Engines)
    emr: Emr | None = None
    kafka: Kafka | None = None
    stream: Stream = field(default_factory=Stream)


def read() -> Environment:
    """Read the settings; raise ConfigurationError naming the variable that cannot be used."""
    given = values(Environment)
    return Environment(
        **given | {"home": home_or_default(given["home"]), "examples": examples(), "extra_sources": extra_sources()},
        redshift=Redshift(**values(Redshift)),
        engines=Engines(**values(Engines)),
        emr=read_emr(),
        kafka=read_kafka(),
        stream=Stream(**values(Stream)),
    )


def settings() -> list[Setting]:
    """Every setting there is, in the order of the groups."""
    return [each for group in GROUPS for each in declared_in(group).values() if each.meaning]


_BEGINNING = "EVENT_PLATFORM"


def unknown() -> dict[str, str | None]:
    """The variables that begin as settings do and are none, by name, each with the name of the setting that is most like it, if one is."""
    known = {each.name.removeprefix(_BEGINNING): each for each in settings()}
    strange = [name for name in sorted(os.environ) if name.startswith(_BEGINNING) and not any(each.is_filled_by(name) for each in known.values())]
    nearest = {name: get_close_matches(name.removeprefix(_BEGINNING), known, n=1) for name in strange}
    return {name: known[found[0]].name if found else None for name, found in nearest.items()}
