"""What runs printed, where Dagster keeps it in a bucket (`S3ComputeLogManager` of dagster-aws): searched, and masked object by object."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from event_platform.lake.aws import explained
from event_platform.lake.objects import in_threads
from event_platform.lake.schema import MASK

if TYPE_CHECKING:
    from collections.abc import Mapping

    from event_platform.records.mentions import Mention

PIECE_BYTES = 1 << 20


@dataclass(frozen=True)
class Searched:
    """How many logs were read, their bytes, and the keys of those that held the value."""

    objects: int
    bytes: int
    held: list[str]


@dataclass(frozen=True)
class LogBucket:
    """A bucket, the prefix of all logs in it, and the client with the endpoint that `dagster.yaml` names; `arguments` are those of uploads."""

    client: Any = field(repr=False)
    bucket: str
    prefix: str
    arguments: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, manager: Any) -> LogBucket:  # noqa: ANN401 - dagster-aws may not be installed
        """The bucket of an S3ComputeLogManager."""
        prefix = "/".join(manager._resolve_path_for_namespace([]))
        return cls(manager._s3_session, manager._s3_bucket, f"{prefix}/", manager._upload_extra_args or {})

    @property
    def url(self) -> str:
        """Where the logs are."""
        return f"s3://{self.bucket}/{self.prefix}"

    def search(self, mention: Mention) -> Searched:
        """Read every log. Raises ConfigurationError or TransientError, as masking does."""
        with explained(self.url):
            pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.prefix)
            found = {each["Key"]: int(each["Size"]) for page in pages for each in page.get("Contents", [])}
        holds = in_threads(lambda key: self._holds(key, mention), found)
        return Searched(len(found), sum(found.values()), [key for key, held in zip(found, holds, strict=True) if held])

    def mask(self, mention: Mention) -> Searched:
        """Mask the value in every log; which held it."""
        searched = self.search(mention)
        for key in searched.held:
            with explained(f"s3://{self.bucket}/{key}"):
                content = self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read()
                masked = mention.bytes_pattern.sub(MASK.encode(), content)
                self.client.put_object(Bucket=self.bucket, Key=key, Body=masked, **{"ContentType": "text/plain", **self.arguments})
        return searched

    def _holds(self, key: str, mention: Mention) -> bool:
        from botocore.exceptions import ClientError

        with explained(f"s3://{self.bucket}/{key}"):
            try:
                content = self.client.get_object(Bucket=self.bucket, Key=key)["Body"]
            except ClientError as error:
                if error.response["Error"]["Code"] in ("NoSuchKey", "404"):  # a run has ended meanwhile, and with it the log as it was
                    return False
                raise
            with content:
                return mention.is_in(content.iter_chunks(PIECE_BYTES))
