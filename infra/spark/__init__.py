"""What Spark is told of the servers here, as lines for `spark-defaults.conf`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from infra.seaweedfs import SeaweedFS


def s3a(server: SeaweedFS) -> str:
    """With which Spark finds a lake on an S3 server that is not AWS's; the keys come from the environment."""
    told = {
        "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
        "spark.hadoop.fs.s3a.endpoint": server.endpoint,
        "spark.hadoop.fs.s3a.endpoint.region": server.region,
        "spark.hadoop.fs.s3a.path.style.access": "true",
    }
    return "".join(f"{name} {value}\n" for name, value in told.items())
