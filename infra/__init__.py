"""The servers that the platform can work with, started on this machine for tests and for trying things out.

Each is a context manager that is given a folder for its data and gives where it listens; nothing listens beyond loopback. What Java programs
need is listed in a `pom.xml` per server and fetched once (`infra.jars`).

    with infra.seaweedfs(folder) as server:
        boto3.client("s3", endpoint_url=server.endpoint, ...)
"""

from infra.cache import class_path, jars, packages
from infra.errors import InfraError
from infra.hdfs import HDFS, hdfs
from infra.hive import Hive, hive
from infra.kafka import Kafka, kafka
from infra.moto import Moto, moto
from infra.postgres import Postgres, postgres
from infra.registry import Registry, registry
from infra.seaweedfs import SeaweedFS, seaweedfs
from infra.superset import Superset, superset
from infra.trino import Trino, trino

__all__ = [
    "HDFS",
    "Hive",
    "InfraError",
    "Kafka",
    "Moto",
    "Postgres",
    "Registry",
    "SeaweedFS",
    "Superset",
    "Trino",
    "class_path",
    "hdfs",
    "hive",
    "jars",
    "kafka",
    "moto",
    "packages",
    "postgres",
    "registry",
    "seaweedfs",
    "superset",
    "trino",
]
