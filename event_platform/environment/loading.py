"""Where tables are loaded: PostgreSQL and Amazon Redshift."""

import re
from dataclasses import dataclass
from pathlib import Path

from event_platform.environment.kinds import PATH, TEXT
from event_platform.environment.setting import Kind, setting
from event_platform.errors import ConfigurationError


def _staging(name: str, text: str) -> str:
    text = text.rstrip("/")
    if not re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^\s?#]+)?", text):
        raise ConfigurationError(f"{name} is {text!r}, which is no folder on S3; write s3://bucket/prefix.")
    return text


@dataclass(frozen=True)
class Loading:
    """The database that tables are loaded into (None: the server in the home), and which loads Dagster does."""

    postgres: str | None = setting(
        "EVENT_PLATFORM_POSTGRES",
        Kind("`postgresql://…`", TEXT.read),
        "URL of the database that tables are loaded into",
        default=None,
        unset="the PostgreSQL in the home",
        secret=True,
    )
    loads: Path | None = setting("EVENT_PLATFORM_LOADS", PATH, "the TOML file that says which loads Dagster does", default=None, unset="none")


@dataclass(frozen=True)
class Redshift:
    """Where tables are loaded into Amazon Redshift: a serverless workgroup, or a cluster; with neither, nowhere."""

    workgroup: str | None = setting("EVENT_PLATFORM_REDSHIFT_WORKGROUP", TEXT, "the serverless workgroup into which tables are loaded", default=None)
    cluster: str | None = setting("EVENT_PLATFORM_REDSHIFT_CLUSTER", TEXT, "or the cluster", default=None)
    secret_arn: str | None = setting(
        "EVENT_PLATFORM_REDSHIFT_SECRET_ARN",
        TEXT,
        "ARN of the secret with user and password of the database",
        default=None,
        unset="the caller's IAM identity",
    )
    database: str = setting("EVENT_PLATFORM_REDSHIFT_DATABASE", TEXT, "the database", default="dev")
    role_arn: str | None = setting(
        "EVENT_PLATFORM_REDSHIFT_ROLE_ARN", TEXT, "the role with which Redshift reads S3 and Glue", default=None, unset="its default role"
    )
    staging: str | None = setting(
        "EVENT_PLATFORM_REDSHIFT_STAGING", Kind("`s3://bucket/prefix`", _staging), "the folder through which files reach Redshift", default=None
    )
