"""Files of the lake copied to an S3 prefix, for engines that cannot reach this machine."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from event_platform.lake.aws import client, explained

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

THREADS = 8


def upload(files: Mapping[str, Path], folder: str) -> int:
    """Copy files under `folder` (`s3://bucket/prefix`) by the given names, those only that are not there in their size; how many were copied.

    Raises ConfigurationError (bucket, credentials) and TransientError; what was copied by then need not be copied again.
    """
    s3, (bucket, prefix) = client("s3"), _parts(folder)
    with explained(folder):
        there = _sizes(s3, bucket, prefix)
        missing = {name: path for name, path in files.items() if there.get(f"{prefix}{name}") != path.stat().st_size}
        with ThreadPoolExecutor(THREADS) as threads:
            for copied in [threads.submit(s3.upload_file, str(path), bucket, f"{prefix}{name}") for name, path in missing.items()]:
                copied.result()
    return len(missing)


def put(url: str, text: str) -> None:
    """Write an object. Raises as `upload` does."""
    parts = urlsplit(url)
    with explained(url):
        client("s3").put_object(Bucket=parts.netloc, Key=parts.path.lstrip("/"), Body=text.encode())


def _parts(folder: str) -> tuple[str, str]:
    parts = urlsplit(folder)
    return parts.netloc, f"{parts.path.strip('/')}/".lstrip("/")


def _sizes(s3: Any, bucket: str, prefix: str) -> dict[str, int]:  # noqa: ANN401 - boto3's clients have no types
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return {found["Key"]: found["Size"] for page in pages for found in page.get("Contents", [])}
