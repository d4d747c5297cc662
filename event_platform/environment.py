"""The one place that reads environment variables, and the folders that follow from them.

Nothing here touches the disk: the folders are made by whoever first writes to them.
"""

import os
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TypedDict
from urllib.parse import urlsplit

from event_platform.errors import ConfigurationError

CHECKOUT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Redshift:
    """Where tables are loaded into Amazon Redshift: a serverless workgroup, or a cluster; with neither, nowhere.

    `secret_arn` names the secret with user and password (None: the caller's IAM identity), `role_arn` the role with which Redshift reads S3 and
    Glue (None: its default role), `staging` the folder on S3 (`s3://bucket/prefix`) through which files reach it.
    """

    workgroup: str | None = None
    cluster: str | None = None
    secret_arn: str | None = None
    database: str = "dev"
    role_arn: str | None = None
    staging: str | None = None


ENGINES = ("duckdb", "spark")


@dataclass(frozen=True)
class Engines:
    """What computes the tables: `default`, but for those named in `exceptions` (`<layer>.<table>`).

    `spark_master` is where Spark runs (None: what `spark-defaults.conf` says, else this machine), `spark_python` the Python that its
    workers start.
    """

    default: str = "duckdb"
    exceptions: Mapping[str, str] = field(default_factory=dict)
    spark_master: str | None = None
    spark_python: str = sys.executable

    def of(self, table: str) -> str:
        """The engine of a table; quarantine is made with stage."""
        layer, _, name = table.partition(".")
        return self.exceptions.get(f"stage.{name}" if layer == "quarantine" else table, self.default)


@dataclass(frozen=True)
class Emr:
    """An application of EMR Serverless: who runs there, the script `emr.py` in its image or on S3, and settings that the job is given."""

    application: str
    role_arn: str
    entry_point: str
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Kafka:
    """A cluster (`host:port,host:port`), and the registry with the Avro schemas of its messages.

    `options` are librdkafka's, `registry_options` those of Confluent's registry client; either may hold secrets.
    """

    bootstrap_servers: str
    registry: str | None = field(default=None, repr=False)
    options: Mapping[str, str] = field(default_factory=dict, repr=False)
    registry_options: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Stream:
    """How the stream counts windows.

    `delay` is how much later than the latest event one may come and be counted, and how much further in the future than its arrival its time may
    be. A batch is begun every `every` and reads at most `most_messages`. `restarts`: one that died is started again by Dagster's sensor.
    """

    delay: timedelta = timedelta(seconds=10)
    every: timedelta = timedelta(seconds=1)
    most_messages: int = 1_000_000
    restarts: bool = False


@dataclass(frozen=True)
class Environment:
    """What the process was told from outside.

    `home` is the one folder with everything the platform keeps, but for a lake that `lake_folder` or `lake_url` (a store of objects) put elsewhere.
    `cache_bytes` is about how much of such a store is kept in the home, `poll` how often it is asked for new files. `settle` is how long a file in
    a local pending folder must have been left alone before it is claimed. `memory_limit` and `threads` bound DuckDB
    (its own defaults when None). `extra_sources` is a folder with further contracts. `postgres` is the URL of the database that
    tables are loaded into (None: the server in the home), `catalog` where the tables are
    listed (None: a SQLite file in the lake), `trino`, `spark_jars`, `athena_workgroup` and `athena_output`
    how other engines are asked, `loads` the file that says which loads Dagster does,
    `redshift` where tables go in Amazon Redshift, `engines` what computes which table, `emr` where jobs on AWS
    compute instead (None: nowhere), `kafka` where events are streamed (None: nowhere), `stream` how they are counted on the way.

    `insights_url` and `tomorrow_url` are the addresses of HTTP APIs, without path; `insights_count` is how many records of a date are asked for.
    `weather_places` are pairs of a name and what Tomorrow.io calls the location. `pull_deadline` bounds one pull with all its attempts,
    `pull_most_bytes` the body it may give.
    """

    home: Path
    lake_folder: Path | None = None
    lake_url: str | None = None
    cache_bytes: int = 20 << 30
    poll: timedelta = timedelta(seconds=5)
    settle: timedelta = timedelta(seconds=1)
    memory_limit: str | None = None
    threads: int | None = None
    extra_sources: Path | None = None
    postgres: str | None = field(default=None, repr=False)
    catalog: str | None = field(default=None, repr=False)
    trino: str | None = field(default=None, repr=False)
    spark_jars: Path | None = None
    athena_workgroup: str | None = None
    athena_output: str | None = None
    loads: Path | None = None
    redshift: Redshift = field(default_factory=Redshift)
    engines: Engines = field(default_factory=Engines)
    emr: Emr | None = None
    kafka: Kafka | None = None
    stream: Stream = field(default_factory=Stream)
    insights_url: str | None = None
    insights_count: int = 1000
    tomorrow_url: str = "https://api.tomorrow.io"
    tomorrow_api_key: str | None = field(default=None, repr=False)
    tomorrow_calls_per_hour: int = 25
    tomorrow_calls_per_day: int = 500
    weather_places: tuple[tuple[str, str], ...] = ()
    pull_deadline: timedelta = timedelta(seconds=300)
    pull_most_bytes: int = 64 << 20

    @cached_property
    def lake(self) -> Path:
        """Landing, table data and the catalogue file; of a lake in a store of objects the catalogue file alone."""
        return self.lake_folder or self.home / "lake"

    @cached_property
    def landing(self) -> Path:
        """One folder per source, each with `pending/` and `processed/date=YYYY-MM-DD/`."""
        return self.lake / "landing"

    @cached_property
    def locks(self) -> Path:
        """The writers' locks: beside the tables where other homes may share their folder, else in the home."""
        return (self.lake_folder or self.home) / "locks"

    @cached_property
    def dagster(self) -> Path:
        """The Dagster instance: runs, event log, compute logs."""
        return self.home / "dagster"

    @cached_property
    def scratch(self) -> Path:
        """Spilled and half-made files; may be emptied whenever nothing runs."""
        return self.home / "scratch"

    @property
    def cache(self) -> Path:
        """Copies of objects of the lake, which may be removed at any time."""
        return self.scratch / "cache"

    @cached_property
    def streams(self) -> Path:
        """What streams remember of what they have read, and how they are."""
        return self.home / "streams"

    @cached_property
    def privacy(self) -> Path:
        """Who was erased, as salted hashes, and the receipts of erasures."""
        return self.home / "privacy"

    @cached_property
    def alerts(self) -> Path:
        """Rules and recipients of the weather alerts, if there are any."""
        return self.home / "alerts.toml"

    @cached_property
    def collector(self) -> Path:
        """Topics, keys and limits of the HTTP collector, if they are not the defaults."""
        return self.home / "collector.toml"


def _home() -> Path:
    home = Path(os.environ.get("EVENT_PLATFORM_HOME") or CHECKOUT / ".event_platform").expanduser().absolute()
    if set("%?") & set(str(home)):
        raise ConfigurationError(f"The home {str(home)!r} has % or ? in its path, which Dagster's SQLite files cannot have; choose another.")
    return home


class _Lake(TypedDict):
    lake_folder: Path | None
    lake_url: str | None


def _lake() -> _Lake:
    """A folder, or the URL of one in a store of objects. It is not repeated in the error, for somebody may have written a key into it."""
    text = os.environ.get("EVENT_PLATFORM_LAKE", "").rstrip("/")
    scheme, separator, rest = text.partition("://")
    if not separator or scheme == "file":
        folder = Path(rest or scheme).expanduser().absolute() if text else None
        return {"lake_folder": folder, "lake_url": None}
    if not re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^\s?#%]+)?|(web)?hdfs://([\w.-]+@)?[\w.-]+(:\d+)?/[^\s?#%]+", text):
        raise ConfigurationError(
            "EVENT_PLATFORM_LAKE is no place for a lake; write a folder, s3://bucket/prefix or webhdfs://user@host:port/folder, "
            "and no password or key: AWS's own variables hold those."
        )
    return {"lake_folder": None, "lake_url": text}


def unwritable(home: Path, error: OSError) -> ConfigurationError:
    """What to tell when nothing can be written in the home."""
    return ConfigurationError(
        f"Nothing can be written in the home {home} ({error.strerror}). "
        "Give yourself the right to write there, or set EVENT_PLATFORM_HOME to another folder."
    )


def is_set(name: str) -> bool:
    """Whether a variable that a setting names has a value."""
    return bool(os.environ.get(name))


def logs_as_json() -> bool:
    """Whether what is logged is to be lines of JSON; asked before anything can be logged, so a setting that is neither is text here."""
    return os.environ.get("EVENT_PLATFORM_LOG_FORMAT") == "json"


def _require_log_format() -> None:
    if (text := os.environ.get("EVENT_PLATFORM_LOG_FORMAT")) not in (None, "", "text", "json"):
        raise ConfigurationError(f"EVENT_PLATFORM_LOG_FORMAT is {text!r}; write text or json, or unset it.")


def java_path() -> str:
    """The folders in which Java is looked for, as PATH has them."""
    home = os.environ.get("JAVA_HOME")
    return f"{home}/bin" if home else os.environ.get("PATH", "")


def secret(name: str) -> str:
    """The value of a variable that a setting names; ConfigurationError, without any value, when it is not set."""
    value = os.environ.get(name)
    if not value:
        raise ConfigurationError(f"The environment variable {name}, which a setting names, is not set; set it where the platform runs.")
    return value


def share_metrics_in(folder: Path) -> None:
    """Have the processes started from here add up what they count for Prometheus in this folder; its client looks for it in the environment."""
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)


def read() -> Environment:
    """Read `EVENT_PLATFORM_*`; raise ConfigurationError naming the variable that cannot be used."""
    _require_log_format()
    return Environment(
        home=_home(),
        **_lake(),
        cache_bytes=int(_number("EVENT_PLATFORM_CACHE_GIGABYTES", 20) * (1 << 30)),
        poll=timedelta(seconds=_number("EVENT_PLATFORM_POLL_SECONDS", 5)),
        settle=timedelta(seconds=_number("EVENT_PLATFORM_SETTLE_SECONDS", 1.0)),
        memory_limit=os.environ.get("EVENT_PLATFORM_MEMORY_LIMIT") or None,
        threads=int(_number("EVENT_PLATFORM_THREADS", 0)) or None,
        extra_sources=_path("EVENT_PLATFORM_SOURCES"),
        postgres=os.environ.get("EVENT_PLATFORM_POSTGRES") or None,
        catalog=_catalog(),
        trino=_url("EVENT_PLATFORM_TRINO"),
        spark_jars=_path("EVENT_PLATFORM_SPARK_JARS"),
        athena_workgroup=os.environ.get("EVENT_PLATFORM_ATHENA_WORKGROUP") or None,
        athena_output=os.environ.get("EVENT_PLATFORM_ATHENA_OUTPUT") or None,
        loads=_path("EVENT_PLATFORM_LOADS"),
        redshift=_redshift(),
        engines=_engines(),
        emr=_emr(),
        kafka=_kafka(),
        stream=_stream(),
        insights_url=_url("EVENT_PLATFORM_INSIGHTS_URL"),
        insights_count=int(_number("EVENT_PLATFORM_INSIGHTS_COUNT", 1000, least=1)),
        tomorrow_url=_url("EVENT_PLATFORM_TOMORROW_URL") or Environment.tomorrow_url,
        tomorrow_api_key=os.environ.get("EVENT_PLATFORM_TOMORROW_API_KEY") or None,
        tomorrow_calls_per_hour=int(_number("EVENT_PLATFORM_TOMORROW_CALLS_PER_HOUR", 25, least=1)),
        tomorrow_calls_per_day=int(_number("EVENT_PLATFORM_TOMORROW_CALLS_PER_DAY", 500, least=1)),
        weather_places=tuple(_places("EVENT_PLATFORM_WEATHER_PLACES")),
        pull_deadline=timedelta(seconds=_number("EVENT_PLATFORM_PULL_DEADLINE_SECONDS", 300)),
        pull_most_bytes=int(_number("EVENT_PLATFORM_PULL_MAX_MEGABYTES", 64) * (1 << 20)),
    )


def _redshift() -> Redshift:
    staging = os.environ.get("EVENT_PLATFORM_REDSHIFT_STAGING", "").rstrip("/")
    if staging and not re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^\s?#]+)?", staging):
        raise ConfigurationError(f"EVENT_PLATFORM_REDSHIFT_STAGING is {staging!r}, which is no folder on S3; write s3://bucket/prefix.")
    return Redshift(
        workgroup=os.environ.get("EVENT_PLATFORM_REDSHIFT_WORKGROUP") or None,
        cluster=os.environ.get("EVENT_PLATFORM_REDSHIFT_CLUSTER") or None,
        secret_arn=os.environ.get("EVENT_PLATFORM_REDSHIFT_SECRET_ARN") or None,
        database=os.environ.get("EVENT_PLATFORM_REDSHIFT_DATABASE") or Redshift.database,
        role_arn=os.environ.get("EVENT_PLATFORM_REDSHIFT_ROLE_ARN") or None,
        staging=staging or None,
    )


def _engines() -> Engines:
    """Engines written `duckdb, trusted.payments=spark`: the default, then exceptions."""
    default, exceptions = Engines.default, dict[str, str]()
    for text in filter(None, map(str.strip, os.environ.get("EVENT_PLATFORM_ENGINE", "").split(","))):
        table, named, engine = (part.strip() for part in text.rpartition("="))
        if engine not in ENGINES or (named and not re.fullmatch(r"(stage|trusted|aggregate)\.[a-z0-9_]+", table)):
            raise ConfigurationError(
                f"EVENT_PLATFORM_ENGINE has {text!r}, which is neither an engine ({' or '.join(ENGINES)}) nor a table of stage, trusted or "
                "aggregate with its engine; write for instance: duckdb, trusted.payments=spark."
            )
        if table:
            exceptions[table] = engine
        else:
            default = engine
    master = os.environ.get("EVENT_PLATFORM_SPARK_MASTER") or None
    return Engines(default, exceptions, master, os.environ.get("PYSPARK_PYTHON") or Engines.spark_python)


def _emr() -> Emr | None:
    application, role_arn = (os.environ.get(f"EVENT_PLATFORM_EMR_{name}") for name in ("APPLICATION", "ROLE_ARN"))
    if not application:
        return None
    if not role_arn:
        raise ConfigurationError("EVENT_PLATFORM_EMR_APPLICATION is set and EVENT_PLATFORM_EMR_ROLE_ARN is not; give the role that its jobs run as.")
    entry_point = os.environ.get("EVENT_PLATFORM_EMR_ENTRY_POINT") or f"local://{CHECKOUT}/event_platform/emr.py"
    settings = _all_after(prefix := "EVENT_PLATFORM_EMR_SET_")
    for name, value in settings.items():
        if re.search(r"[\s'\"\\]", value):
            raise ConfigurationError(
                f"{prefix}{name} holds white space, quotes or a backslash, at which EMR parts the parameters of a job; write the setting without."
            )
    return Emr(application, role_arn, entry_point, settings)


def _kafka() -> Kafka | None:
    """What is at fault is not repeated in the error, for somebody may have written a password into it."""
    servers = re.sub(r"\s", "", os.environ.get("EVENT_PLATFORM_KAFKA", ""))
    registry = _url("EVENT_PLATFORM_SCHEMA_REGISTRY")
    if not servers:
        return None
    if not re.fullmatch(r"([\w.-]+|\[[0-9a-fA-F:]+\]):\d{1,5}(,([\w.-]+|\[[0-9a-fA-F:]+\]):\d{1,5})*", servers):
        raise ConfigurationError("EVENT_PLATFORM_KAFKA lists no brokers; write host:port, or several with commas between them.")
    return Kafka(servers, registry, _options("EVENT_PLATFORM_KAFKA_SET_"), _options("EVENT_PLATFORM_SCHEMA_REGISTRY_SET_"))


def _stream() -> Stream:
    return Stream(
        delay=timedelta(seconds=_number("EVENT_PLATFORM_STREAM_DELAY_SECONDS", 10)),
        every=timedelta(seconds=_number("EVENT_PLATFORM_STREAM_EVERY_SECONDS", 1)),
        most_messages=int(_number("EVENT_PLATFORM_STREAM_MOST_MESSAGES", 1_000_000, least=1)),
        restarts=_number("EVENT_PLATFORM_STREAM_RESTARTS", 0) > 0,
    )


def _options(prefix: str) -> dict[str, str]:
    """Options as libraries of Kafka spell them: `…_SET_SASL_PASSWORD` is `sasl.password`."""
    return {name.lower().replace("_", "."): value for name, value in _all_after(prefix).items()}


def _all_after(prefix: str) -> dict[str, str]:
    return {name.removeprefix(prefix): value for name, value in sorted(os.environ.items()) if name.startswith(prefix)}


BAD_ESCAPE = re.compile("%(?![0-9a-fA-F]{2})")


def _catalog() -> str | None:
    """It is not repeated in the error, for it may hold a password."""
    text = os.environ.get("EVENT_PLATFORM_CATALOG", "").rstrip("/")
    try:
        parts = urlsplit(text)
        known = parts.scheme in ("postgresql", "http", "https", "thrift")
        sound = known and parts.hostname and parts.port != 0 and not BAD_ESCAPE.search(text)
    except ValueError:
        sound = False
    if text and text != "glue" and not sound:
        raise ConfigurationError(
            "EVENT_PLATFORM_CATALOG is not the address of a catalogue; write postgresql://USER:PASSWORD@HOST:5432/DATABASE, https://HOST/PATH "
            "of a REST catalogue, thrift://HOST:9083 of a Hive metastore, or glue; / : @ ? # and % in a password as %2F %3A %40 %3F %23 %25."
        )
    return text or None


def _path(name: str) -> Path | None:
    text = os.environ.get(name)
    return Path(text).expanduser().absolute() if text else None


def _number(name: str, default: float, least: float = 0) -> float:
    text = os.environ.get(name)
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not least <= value < float("inf"):
        raise ConfigurationError(f"{name} is {text!r}, which is not a number of at least {least:g}; unset it or give a number such as {default:g}.")
    return value


def _url(name: str) -> str | None:
    """An address without its last slash. It is not repeated in the error, for it may hold a password."""
    text = os.environ.get(name, "").rstrip("/")
    try:
        parts = urlsplit(text)
        sound = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and not parts.query and not parts.fragment
    except ValueError:
        sound = False
    if text and not sound:
        raise ConfigurationError(f"{name} is not the address of an API; give one such as https://api.example.com, without a query.")
    return text or None


PLACE_NAME = re.compile("[a-z0-9][a-z0-9-]{0,39}")
PLACE = re.compile(rf"\s*({PLACE_NAME.pattern})\s*=\s*([^=;]+?)\s*")


def _places(name: str) -> Iterable[tuple[str, str]]:
    """Places written `name=location; name=location`."""
    places: dict[str, str] = {}
    for text in filter(str.strip, os.environ.get(name, "").split(";")):
        match = PLACE.fullmatch(text)
        if not match:
            raise ConfigurationError(f"{name} has {text.strip()!r}, which is no place; write name=location with a name of a-z, 0-9 and -.")
        if match[1] in places:
            raise ConfigurationError(f"{name} names the place {match[1]!r} twice; rename one.")
        places[match[1]] = match[2]
    return places.items()
