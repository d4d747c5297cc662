"""The external schemas name the databases in which pyiceberg's Glue catalogue puts our layers; moto's Glue and S3 stand for AWS."""

import re
from pathlib import Path

from pyiceberg.catalog.glue import GlueCatalog

from event_platform.environment import Environment
from event_platform.lake.schema import iceberg_schema, iceberg_spec
from event_platform.serving.postgres.loads import find_table
from event_platform.serving.redshift.loads import script


def test_the_external_schema_finds_the_table_that_is_in_glue(aws: str, tmp_path: Path) -> None:
    import boto3

    declared, _ = find_table("trusted.payments")
    catalog = GlueCatalog("lake", **{"glue.endpoint": aws, "s3.endpoint": aws, "glue.region": "us-east-1", "warehouse": "s3://staging/warehouse"})
    schema = iceberg_schema(declared)
    catalog.create_namespace(declared.layer)
    catalog.create_table(declared.name, schema, partition_spec=iceberg_spec(declared, schema))
    (database,) = re.findall(r"CREATE EXTERNAL SCHEMA .* DATA CATALOG DATABASE '(\w+)'", script("trusted.payments", Environment(tmp_path)))
    found = boto3.client("glue").get_table(DatabaseName=database, Name=declared.short_name)["Table"]
    assert found["Parameters"]["table_type"] == "ICEBERG"
    assert [column["Name"] for column in found["StorageDescriptor"]["Columns"]] == list(declared.column_names)
    types = {column["Name"]: column["Type"] for column in found["StorageDescriptor"]["Columns"]}
    assert types["event_date"] == "date"
