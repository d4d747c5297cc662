"""Where tables are listed, and how other engines that read them are asked."""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from event_platform.environment.kinds import ADDRESS, PATH, TEXT
from event_platform.environment.setting import Kind, setting
from event_platform.errors import ConfigurationError

BAD_ESCAPE = re.compile("%(?![0-9a-fA-F]{2})")


def _catalog(name: str, text: str) -> str:
    """It is not repeated in the error, for it may hold a password."""
    text = text.rstrip("/")
    try:
        parts = urlsplit(text)
        known = parts.scheme in ("postgresql", "http", "https", "thrift")
        sound = known and parts.hostname and parts.port != 0 and not BAD_ESCAPE.search(text)
    except ValueError:
        sound = False
    if text != "glue" and not sound:
        raise ConfigurationError(
            f"{name} is not the address of a catalogue; write postgresql://USER:PASSWORD@HOST:5432/DATABASE, https://HOST/PATH "
            "of a REST catalogue, thrift://HOST:9083 of a Hive metastore, or glue; / : @ ? # and % in a password as %2F %3A %40 %3F %23 %25."
        )
    return text


@dataclass(frozen=True)
class Readers:
    """The catalogue (None: a SQLite file in the lake), and Trino, Spark and Athena as readers."""

    catalog: str | None = setting(
        "EVENT_PLATFORM_CATALOG",
        Kind("`postgresql://…`, `https://…` (REST), `thrift://…` (Hive) or `glue`", _catalog),
        "where the tables are listed",
        default=None,
        unset="a SQLite file in the lake",
        secret=True,
    )
    trino: str | None = setting("EVENT_PLATFORM_TRINO", ADDRESS, "address of Trino, for `sql --engine trino`", default=None, secret=True)
    spark_jars: Path | None = setting(
        "EVENT_PLATFORM_SPARK_JARS",
        PATH,
        "folder of jars with Iceberg's runtime, for `sql --engine spark`, and with Spark's parts for Kafka, for `stream`",
        default=None,
        unset="those of Spark's own configuration",
    )
    athena_workgroup: str | None = setting(
        "EVENT_PLATFORM_ATHENA_WORKGROUP", TEXT, "Athena's workgroup, for `sql --engine athena`", default=None, unset="that of the account"
    )
    athena_output: str | None = setting(
        "EVENT_PLATFORM_ATHENA_OUTPUT", TEXT, "where on S3 Athena writes answers", default=None, unset="what the workgroup says"
    )
