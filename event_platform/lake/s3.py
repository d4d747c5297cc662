"""S3, and what speaks its language. Credentials, region and endpoint are those of AWS's own variables and files.

An object appears whole or not at all, and so does its copy; there is no renaming. Conditions on requests (If-Match, If-None-Match) stand in
for locks: S3 has them for all requests that are made here.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from event_platform.errors import ConfigurationError, TransientError
from event_platform.lake import aws
from event_platform.lake.aws import explained
from event_platform.lake.objects import THREADS, StoredObject

PART_BYTES = 32 << 20
"""Larger objects are read in parts, some at once."""

PARTS_AT_ONCE = 4
COPY_IN_ONE_BYTES = 1 << 30
"""Larger objects are copied in parts; S3 takes at most 5 GB in one request."""

ABANDONED_AFTER = timedelta(days=7)
"""An upload in parts that has not ended by then belongs to a process that died; until it is removed, its parts cost money unseen."""

MARK = "landing"
"""Metadata that tells our own object from another's of the same name, when the answer to a conditional upload was lost."""

PIECE_BYTES = 1 << 20
PAUSE_SECONDS = 0.05
"""Before a broken connection is replaced the first time; doubled each time."""

Answer = TypeVar("Answer")
_GONE = {"NoSuchKey", "NotFound", "404", "PreconditionFailed", "412"}
_THERE = {"PreconditionFailed", "412", "ConditionalRequestConflict"}


class S3:
    """The store behind `s3://bucket/key`."""

    grows = False

    def __reduce__(self) -> tuple[type[S3], tuple[()]]:
        """Another process makes clients of its own."""
        return S3, ()

    @cached_property
    def _client(self) -> Any:  # noqa: ANN401 - boto3's clients have no types
        return aws.client("s3", connections=2 * THREADS)

    @cached_property
    def _placing(self) -> Any:  # noqa: ANN401 - boto3's clients have no types
        """A client whose uploads, in one request or in parts, replace nothing."""
        client = aws.client("s3", connections=2 * THREADS)
        for request in ("PutObject", "CompleteMultipartUpload"):
            client.meta.events.register(f"provide-client-params.s3.{request}", lambda params, **_: params | {"IfNoneMatch": "*"})
        return client

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        """Errors as the platform's. After one about credentials they are looked up anew: people and tools renew them in files meanwhile."""
        try:
            with explained(what):
                yield
        except ConfigurationError:
            for client in ("_client", "_placing"):
                self.__dict__.pop(client, None)
            raise

    def list(self, folder: str, begin: str = "") -> Iterator[StoredObject]:
        """As ObjectStore says; S3 gives 1000 a page."""
        bucket, prefix = _parts(f"{folder.rstrip('/')}/")
        after = {"StartAfter": f"{prefix}{begin[:-1]}"} if begin else {}
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, **after)
        with self._explained(folder):
            for page in pages:
                for found in page.get("Contents", []):
                    if not found["Key"].endswith("/"):  # what consoles make to show a folder
                        yield _stored(f"s3://{bucket}/{found['Key']}", found["Size"], found)

    def find(self, url: str) -> StoredObject | None:
        """As ObjectStore says."""
        with self._explained(url):
            found = _unless(_GONE, lambda: self._client.head_object(**_named(url)))
        return _stored(url, found["ContentLength"], found) if found else None

    def read(self, url: str) -> bytes | None:
        """As ObjectStore says; for small objects."""
        with self._explained(url):
            pieces = self.pieces(url, None)
            return None if pieces is None else b"".join(pieces[1])

    def create(self, url: str, content: bytes) -> bool:
        """As ObjectStore says. An answer that was lost is asked again, and then finds our own object."""
        with self._explained(url):
            if _unless(_THERE, lambda: self._placing.put_object(**_named(url), Body=content)):
                return True
        return self.read(url) == content

    def upload(self, path: Path, url: str, progress: Callable[[int], None] | None = None) -> None:
        """As ObjectStore says; large files go in parts."""
        bucket, key = _parts(url)
        with self._explained(url):
            self._client.upload_file(str(path), bucket, key, Callback=progress)

    def place(self, path: Path, url: str, progress: Callable[[int], None] | None = None) -> bool:
        """As ObjectStore says."""
        from boto3.exceptions import Boto3Error

        bucket, key = _parts(url)
        mark = uuid4().hex
        with self._explained(url):
            try:
                self._placing.upload_file(str(path), bucket, key, ExtraArgs={"Metadata": {MARK: mark}}, Callback=progress)
            except Boto3Error as error:  # it wraps what S3 answered
                if _code(error.__context__) not in _THERE:
                    raise
                found = _unless(_GONE, lambda: self._client.head_object(**_named(url)))
                return found is not None and found["Metadata"].get(MARK) == mark
        return True

    def download(self, url: str, path: Path, version: str | None = None) -> str | None:
        """As ObjectStore says; a connection that ends in the middle is taken up again where it ended."""
        with self._explained(url):
            pieces = self.pieces(url, version)
            if pieces is None:
                return None
            found, content = pieces
            with path.open("wb", buffering=0) as file:
                if found.size <= PART_BYTES:
                    end = 0
                    for piece in content:
                        end = _write(file.fileno(), piece, end)
                else:
                    content.close()
                    self._download_parts(found, file.fileno())
            return found.version

    def _download_parts(self, found: StoredObject, file: int) -> None:
        def part(start: int) -> None:
            pieces = self.pieces(found.url, found.version, start, min(start + PART_BYTES, found.size))
            if pieces is None:
                raise TransientError(f"{found.url} changed while it was read. Run again.")
            for piece in pieces[1]:
                start = _write(file, piece, start)

        with ThreadPoolExecutor(PARTS_AT_ONCE) as threads:
            for done in [threads.submit(part, start) for start in range(0, found.size, PART_BYTES)]:
                done.result()

    def pieces(self, url: str, version: str | None, start: int = 0, end: int | None = None) -> tuple[StoredObject, _Content] | None:
        """An object as it is and its bytes from `start` to before `end`; None when it is not there in that version."""
        wanted = _named(url) | ({"IfMatch": f'"{version}"'} if version else {}) | ({"Range": f"bytes={start}-{end - 1}"} if end is not None else {})
        answer = _unless(_GONE, lambda: self._client.get_object(**wanted))
        if not answer:
            return None
        found = _stored(url, answer["ContentLength"], answer)
        return found, _Content(self, found, answer["Body"], start, found.size + start)

    def move(self, found: StoredObject, url: str) -> str | None:
        """As ObjectStore says: a copy, then a deletion, both of this version alone."""
        with self._explained(found.url):
            copied = _unless(_GONE, lambda: self._copied(found, url))
            if copied is None:
                there = self.find(url)
                return there.version if there else None
            self.remove(found)
            return copied

    def _copied(self, found: StoredObject, url: str) -> str:
        source, condition = _named(found.url), {"CopySourceIfMatch": f'"{found.version}"'}
        if found.size <= COPY_IN_ONE_BYTES:
            answer = self._client.copy_object(**_named(url), CopySource=source, **condition)
            return str(answer["CopyObjectResult"]["ETag"]).strip('"')
        self._client.copy(source, *_parts(url), ExtraArgs=condition)
        return _stored(url, found.size, self._client.head_object(**_named(url))).version

    def delete(self, urls: Iterable[str]) -> None:
        """As ObjectStore says; 1000 in a request."""
        by_bucket: dict[str, list[str]] = {}
        for bucket, key in map(_parts, urls):
            by_bucket.setdefault(bucket, []).append(key)
        for bucket, keys in by_bucket.items():
            for start in range(0, len(keys), 1000):
                objects = [{"Key": key} for key in keys[start : start + 1000]]
                with self._explained(f"s3://{bucket}"):
                    answer = self._client.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
                    if refused := answer.get("Errors"):
                        raise aws.refusal(f"s3://{bucket}/{refused[0]['Key']}", refused[0])

    def remove(self, found: StoredObject) -> None:
        """As ObjectStore says."""
        with self._explained(found.url):
            _unless(_GONE, lambda: self._client.delete_object(**_named(found.url), IfMatch=f'"{found.version}"'))

    def sweep(self, folder: str) -> int:
        """As ObjectStore says: parts of uploads that were never completed."""
        bucket, prefix = _parts(f"{folder.rstrip('/')}/")
        before = datetime.now(UTC) - ABANDONED_AFTER
        with self._explained(folder):
            pages = self._client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=prefix)
            begun = chain.from_iterable(page.get("Uploads", []) for page in pages)
            dead = [each for each in begun if each["Initiated"] < before]
            for each in dead:
                ended = partial(self._client.abort_multipart_upload, Bucket=bucket, Key=each["Key"], UploadId=each["UploadId"])
                _unless({"NoSuchUpload"}, ended)
        return len(dead)


class _Content:
    """The bytes of an answer, piece by piece; a connection that breaks is replaced by one that goes on there, a few times."""

    def __init__(self, store: S3, found: StoredObject, body: Any, start: int, end: int) -> None:  # noqa: ANN401 - boto3's answers have no types
        self._store, self._found, self._body, self._at, self._end = store, found, body, start, end

    def __iter__(self) -> Iterator[bytes]:
        from botocore.exceptions import HTTPClientError, IncompleteReadError

        broken_connections, broken = (HTTPClientError, IncompleteReadError, EOFError), 0
        while self._at < self._end:
            try:
                piece = self._body.read(PIECE_BYTES)
                if not piece:
                    raise EOFError
            except broken_connections as error:
                broken += 1
                if broken >= aws.ATTEMPTS:
                    raise TransientError(f"The connection to {self._found.url} broke {broken} times in the middle. Run again.") from error
                time.sleep(PAUSE_SECONDS * 2**broken)
                self._reopen()
            else:
                self._at += len(piece)
                yield piece

    def _reopen(self) -> None:
        self.close()
        pieces = self._store.pieces(self._found.url, self._found.version, self._at, self._end)
        if pieces is None:
            raise TransientError(f"{self._found.url} changed while it was read. Run again.")
        self._body = pieces[1]._body

    def close(self) -> None:
        """Give up what was not read."""
        self._body.close()


def _write(file: int, piece: bytes, start: int) -> int:
    """Write the whole piece, of which a disk that is getting full takes only some and says no more than how much; where it ends. Raises OSError."""
    rest = memoryview(piece)
    while rest:
        start += (written := os.pwrite(file, rest, start))
        rest = rest[written:]
    return start


def _parts(url: str) -> tuple[str, str]:
    """Bucket and key; a key may hold any character."""
    bucket, _, key = url.removeprefix("s3://").partition("/")
    return bucket, key


def _named(url: str) -> dict[str, str]:
    bucket, key = _parts(url)
    return {"Bucket": bucket, "Key": key}


def _stored(url: str, size: int, told: Mapping[str, Any]) -> StoredObject:
    return StoredObject(url, size, told["LastModified"], told["ETag"].strip('"'))


def _unless(codes: Collection[str], ask: Callable[[], Answer]) -> Answer | None:
    """The answer, None for an error of one of these codes."""
    from botocore.exceptions import ClientError

    try:
        return ask()
    except ClientError as error:
        if _code(error) in codes:
            return None
        raise


def _code(error: BaseException | None) -> str:
    response = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))
