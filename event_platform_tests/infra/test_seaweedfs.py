"""The S3 server: it stores and refuses as S3 does, and listens on this machine alone."""

import psutil
import pytest
from botocore.exceptions import ClientError

import infra

pytestmark = pytest.mark.server


def client(server: infra.SeaweedFS, secret: str) -> object:
    import boto3

    return boto3.client(
        "s3", endpoint_url=server.endpoint, aws_access_key_id=server.access_key, aws_secret_access_key=secret, region_name=server.region
    )


def test_an_object_is_written_once_and_a_wrong_secret_is_refused(seaweedfs: infra.SeaweedFS) -> None:
    s3 = client(seaweedfs, seaweedfs.secret_key)
    s3.put_object(Bucket=seaweedfs.bucket, Key="once", Body=b"first", IfNoneMatch="*")
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.put_object(Bucket=seaweedfs.bucket, Key="once", Body=b"second", IfNoneMatch="*")
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        client(seaweedfs, "wrong").get_object(Bucket=seaweedfs.bucket, Key="once")
    assert s3.get_object(Bucket=seaweedfs.bucket, Key="once")["Body"].read() == b"first"


@pytest.mark.usefixtures("seaweedfs")
def test_nothing_listens_beyond_loopback() -> None:
    servers = [child for child in psutil.Process().children() if child.name() == "weed"]
    listening = [found.laddr.ip for server in servers for found in server.net_connections() if found.status == psutil.CONN_LISTEN]
    assert set(listening) == {"127.0.0.1"}
