"""S3 of moto's server, and the Data API of a stand-in that runs on a real PostgreSQL."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from event_platform.environment import Redshift
from event_platform.lake.catalog import Lake
from event_platform.lake.table import LakeTable
from event_platform.serving.redshift import data_api
from event_platform.serving.redshift.loads import Loaded, load
from event_platform_tests.serving.postgres.conftest import Database, database, server
from event_platform_tests.serving.redshift.stand_in import StandIn, serving

__all__ = ["database", "server"]

SETTINGS = Redshift(workgroup="analytics", database="dev", role_arn="arn:aws:iam::123456789012:role/loader", staging="s3://staging/lake")


@pytest.fixture
def aws(aws: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The same with the bucket `staging`, and a Data API that is asked without pauses."""
    import boto3

    monkeypatch.setattr(data_api, "FIRST_PAUSE_SECONDS", 0.001)
    boto3.client("s3").create_bucket(Bucket="staging")
    return aws


@dataclass
class Warehouse:
    """A lake, and the database that stands for Redshift."""

    database: Database
    api: StandIn

    @property
    def lake(self) -> Lake:
        return Lake(replace(self.database.at_hand.lake.environment, redshift=SETTINGS))

    @property
    def trusted(self) -> LakeTable:
        return self.database.trusted

    def load(self, table: str = "payments") -> Loaded:
        return load(table, self.lake, self.database.at_hand.duck)

    def held(self, columns: str = "event_id, file_id, line_number, data") -> list[tuple[Any, ...]]:
        return sorted(self.database.query(f"SELECT {columns} FROM trusted.payments"))

    def assert_same(self) -> None:
        """Redshift has the rows of the lake, in all columns."""
        columns = self.trusted.declared.select_list
        in_lake = self.database.at_hand.duck.execute(f"SELECT {columns} FROM ({self.trusted.select()})").fetchall()
        plain = [tuple(value.replace(tzinfo=None) if hasattr(value, "hour") else value for value in row) for row in in_lake]
        assert sorted(self.database.query(f"SELECT {columns} FROM trusted.payments"), key=repr) == sorted(plain, key=repr)


@pytest.fixture
def warehouse(aws: str, database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Warehouse]:  # noqa: ARG001 - S3 is there
    api = StandIn(database.url)
    with serving(api) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_REDSHIFT_DATA", url)
        yield Warehouse(database, api)


def s3() -> Any:
    """A client for the storage that this process finds."""
    import boto3

    return boto3.client("s3")


def objects() -> list[str]:
    """The keys in the staging bucket."""
    return sorted(found["Key"] for found in s3().list_objects_v2(Bucket="staging").get("Contents", []))


def copied(before: list[str]) -> list[str]:
    """Parquet files that have come to the bucket since."""
    return [key for key in objects() if key not in before and key.endswith(".parquet")]
