"""Which catalogue a lake has, from `EVENT_PLATFORM_CATALOG`: a SQLite file in the lake, PostgreSQL, a REST service, Hive's metastore or AWS Glue.

What else a catalogue must be told (warehouse, credentials, S3) is read by pyiceberg itself: from `PYICEBERG_CATALOG__LAKE__*` and
`.pyiceberg.yaml`. PostgreSQL has the layout of Iceberg's JDBC catalogue, which Spark and Trino read.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from event_platform.lake import aws

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyiceberg.catalog import Catalog

    from event_platform.environment import Environment

CATALOG = "lake"
"""The catalogue's name. Readers that share a PostgreSQL must use the same, for it is part of each row there."""

SQLITE_BUSY_SECONDS = 60
"""How long SQLite waits for another program that holds the catalogue's file."""

KINDS = {"postgresql": "sql", "http": "rest", "https": "rest", "thrift": "hive", "glue": "glue"}
"""The type in pyiceberg's words of catalogue by the scheme of the setting."""


def connect(environment: Environment, defaults: Mapping[str, str]) -> Catalog:
    """The catalogue of a lake, made on first use; `defaults` are properties that pyiceberg's own settings may override.

    One in SQL is opened once by a process, for making SQLAlchemy's statements anew costs more than asking them.
    """
    from pyiceberg.catalog import load_catalog
    from pyiceberg.utils.config import Config

    told: dict[str, Any] = {**(Config().get_catalog_config(CATALOG) or {})}
    properties = {**defaults, **told, **_address(environment)}
    file = _file(environment)
    if properties["type"] != "sql" or (is_embedded(environment) and file is None):
        return load_catalog(CATALOG, **properties)
    return _opened(os.getpid(), file, tuple(sorted(properties.items())))


@lru_cache(maxsize=4)
def _opened(process: int, file: tuple[int, int] | None, properties: tuple[tuple[str, Any], ...]) -> Catalog:  # noqa: ARG001 - they make it another
    from pyiceberg.catalog import load_catalog

    return load_catalog(CATALOG, **dict(properties))


def _file(environment: Environment) -> tuple[int, int] | None:
    """What tells the file of an embedded catalogue from one that was put in its place; None where there is none."""
    try:
        status = (environment.lake / "catalog.db").stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def is_embedded(environment: Environment) -> bool:
    """Whether the catalogue is a file in the lake, which one machine uses."""
    return environment.catalog is None


def kind(environment: Environment) -> str:
    """What pyiceberg calls this type of catalogue: sql, rest, hive or glue."""
    return KINDS[environment.catalog.partition(":")[0]] if environment.catalog else "sql"


def postgres_url(environment: Environment) -> str | None:
    """The URL of the PostgreSQL that the catalogue is in, as libpq takes it; None for another kind of catalogue."""
    return environment.catalog if kind(environment) == "sql" else None


def shown(environment: Environment) -> str:
    """The catalogue in words, without user and password."""
    if environment.catalog is None:
        return str(environment.lake / "catalog.db")
    parts = urlsplit(environment.catalog)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}" if parts.netloc or parts.path.startswith("/") else environment.catalog


def _address(environment: Environment) -> dict[str, Any]:
    if environment.catalog is None:
        return {"type": "sql", "uri": _sqlite(environment)}
    if environment.catalog == "glue":
        return {"type": "glue", "glue.max-retries": aws.ATTEMPTS - 1}  # pyiceberg's own patience is half a minute a question
    if kind(environment) == "sql":
        return {"type": "sql", "uri": environment.catalog.replace("postgresql", "postgresql+psycopg", 1), "pool_pre_ping": "true"}
    return {"type": kind(environment), "uri": environment.catalog}


def _sqlite(environment: Environment) -> str:
    from sqlalchemy import URL

    path, wait = str(environment.lake / "catalog.db"), {"timeout": str(SQLITE_BUSY_SECONDS)}
    return URL.create("sqlite", database=path, query=wait).render_as_string(hide_password=False)
