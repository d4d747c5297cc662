"""Which feeds there are, and from where feeds are pulled."""

import re
import tomllib
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from event_platform.environment.kinds import ADDRESS, COUNT, MEGABYTES, PATH, SECONDS, SWITCH, TEXT
from event_platform.environment.project_folder import PROJECT_FILE, project
from event_platform.environment.setting import Kind, declared_in, setting
from event_platform.errors import ConfigurationError

PLACE_NAME = re.compile("[a-z0-9][a-z0-9-]{0,39}")
PLACE = re.compile(rf"\s*({PLACE_NAME.pattern})\s*=\s*([^=;]+?)\s*")


def _places(name: str, text: str) -> tuple[tuple[str, str], ...]:
    """Places written `name=location; name=location`."""
    places: dict[str, str] = {}
    for part in filter(str.strip, text.split(";")):
        match = PLACE.fullmatch(part)
        if not match:
            raise ConfigurationError(f"{name} has {part.strip()!r}, which is no place; write name=location with a name of a-z, 0-9 and -.")
        if match[1] in places:
            raise ConfigurationError(f"{name} names the place {match[1]!r} twice; rename one.")
        places[match[1]] = match[2]
    return tuple(places.items())


@dataclass(frozen=True)
class Feeds:
    """`weather_places` are pairs of a name and what Tomorrow.io calls the location; `pull_deadline` bounds one pull with all its attempts."""

    examples: bool | None = setting(
        "EVENT_PLATFORM_EXAMPLES",
        SWITCH,
        "whether the feeds that come with the platform are there",
        default=None,
        unset="`examples` in the project's `event-platform.toml`, `false` where `event-platform init` made it; `1` without that",
    )
    extra_sources: Path | None = setting(
        "EVENT_PLATFORM_SOURCES", PATH, "a folder with further contracts", default=None, unset="`sources` in the project"
    )
    insights_url: str | None = setting(
        "EVENT_PLATFORM_INSIGHTS_URL",
        ADDRESS,
        "address of the insights API, without path; switches the daily pull on",
        default=None,
    )
    insights_count: int = setting("EVENT_PLATFORM_INSIGHTS_COUNT", COUNT, "how many records of a date are asked for", default=1000)
    tomorrow_url: str = setting("EVENT_PLATFORM_TOMORROW_URL", ADDRESS, "address of the weather API, without path", default="https://api.tomorrow.io")
    tomorrow_api_key: str | None = setting(
        "EVENT_PLATFORM_TOMORROW_API_KEY",
        TEXT,
        "key of Tomorrow.io; with places it switches the poll each quarter of an hour on",
        default=None,
        secret=True,
    )
    tomorrow_calls_per_hour: int = setting(
        "EVENT_PLATFORM_TOMORROW_CALLS_PER_HOUR", COUNT, "calls the plan allows, retries included; more are held back", default=25
    )
    tomorrow_calls_per_day: int = setting("EVENT_PLATFORM_TOMORROW_CALLS_PER_DAY", COUNT, "the same for a day", default=500)
    weather_places: tuple[tuple[str, str], ...] = setting(
        "EVENT_PLATFORM_WEATHER_PLACES",
        Kind("`name=location; name=location`", _places),
        "places whose weather is asked for; names of a-z, 0-9 and -, locations as Tomorrow.io takes them: `new-york=New York; office=60.17,24.94`",
        default=(),
        unset="none",
    )
    pull_deadline: timedelta = setting(
        "EVENT_PLATFORM_PULL_DEADLINE_SECONDS",
        SECONDS,
        "how long one pull may take with all its attempts and pauses (weather: at most 60)",
        default=timedelta(seconds=300),
    )
    pull_most_bytes: int = setting("EVENT_PLATFORM_PULL_MAX_MEGABYTES", MEGABYTES, "the largest answer that is taken", default=64 << 20)


def extra_sources() -> Path | None:
    """The folder with further contracts: what is set, else `sources` in the project, else none."""
    folder = project()
    given: Path | None = declared_in(Feeds)["extra_sources"].value()
    return given or (folder / "sources" if folder and (folder / "sources").is_dir() else None)


def examples() -> bool:
    """Whether the feeds that come with the platform are there: what is set, else what the project says (or ConfigurationError), else yes."""
    given: bool | None = declared_in(Feeds)["examples"].value()
    folder = project()
    if given is not None or folder is None or not (folder / PROJECT_FILE).exists():
        return given is not False
    return _examples_in(folder / PROJECT_FILE)


def _examples_in(path: Path) -> bool:
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read as TOML ({error}).") from error
    wanted = said.pop("examples", True)
    if said or not isinstance(wanted, bool):
        raise ConfigurationError(f"{path} may say `examples = true` or `examples = false`, and nothing else.")
    return wanted
