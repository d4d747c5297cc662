"""Page views through Firehose into pending/ on S3, and on to trusted: what it really does to them, and what moto's does.

moto's delivers each batch at once as an object of its own, neither compressed nor with ends of lines between records, and names it without `.gz`.
The fixture `documented` makes it buffer, compress and name as AWS documents: https://docs.aws.amazon.com/firehose/latest/dev/basic-deliver.html.
"""

import gzip
import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from moto.firehose.models import FirehoseBackend

from event_platform import environment, sources
from event_platform.environment import CHECKOUT
from event_platform.lake.objects import object_store
from event_platform.samples.storefront import write_sample
from event_platform_tests.pipeline import Pipeline
from event_platform_tests.realtime.kinesis.conftest import process

EXAMPLES = CHECKOUT / "docs" / "examples"


@dataclass
class Documented:
    """What waits in the buffers of delivery streams."""

    waiting: dict[str, list[dict[str, bytes]]] = field(default_factory=lambda: defaultdict(list))
    deliver: dict[str, Any] = field(default_factory=dict)

    def let_time_pass(self) -> None:
        """Deliver what waits, as Firehose does after `IntervalInSeconds`."""
        for name in list(self.waiting):
            if self.waiting[name]:
                self.deliver[name]()


@pytest.fixture
def documented(monkeypatch: pytest.MonkeyPatch) -> Documented:
    found, original, path = Documented(), FirehoseBackend.put_s3_records, FirehoseBackend._format_s3_object_path

    def put_s3_records(backend: Any, name: str, version: str, s3: dict[str, Any], records: list[dict[str, bytes]]) -> list[dict[str, str]]:
        waiting = found.waiting[name]
        waiting += records

        def deliver() -> None:
            original(backend, name, version, s3, [{"Data": gzip.compress(b"".join(record["Data"] for record in waiting))}])
            waiting.clear()

        found.deliver[name] = deliver
        if sum(len(record["Data"]) for record in waiting) >= s3["BufferingHints"]["SizeInMBs"] << 20:
            deliver()
        return [{"RecordId": str(number)} for number in range(len(records))]

    monkeypatch.setattr(FirehoseBackend, "put_s3_records", put_s3_records)
    monkeypatch.setattr(FirehoseBackend, "_format_s3_object_path", staticmethod(lambda *told: f"{path(*told)}.gz"))
    return found


@pytest.fixture
def shop(home: Path, aws: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipeline]:  # noqa: ARG001 - the process is told of both
    """The feed of a lake on S3, and the delivery stream of the example."""
    import boto3

    object_store.cache_clear()
    boto3.client("s3").create_bucket(Bucket="lake")
    boto3.client("firehose").create_delivery_stream(**json.loads((EXAMPLES / "firehose.json").read_text()))
    monkeypatch.setenv("EVENT_PLATFORM_LAKE", "s3://lake")
    yield Pipeline(sources.get("storefront"))
    object_store.cache_clear()


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    paths = write_sample(tmp_path_factory.mktemp("sample"), visits=300, days=2)
    return [line for path in paths for line in path.read_bytes().splitlines()]


def put_by_example(lines: list[bytes]) -> None:
    command = [sys.executable, str(EXAMPLES / "firehose.py"), "storefront"]
    subprocess.run(command, input=b"\n".join(lines), check=True, env=dict(os.environ), timeout=120)


def delivered(folder: str = "pending") -> list[str]:
    """Names of objects of the landing."""
    url = f"s3://lake/landing/storefront/{folder}/"
    return [found.url.removeprefix(url) for found in object_store("s3://lake").list(url)]


def trusted(shop: Pipeline) -> list[tuple[object, ...]]:
    return shop.sql("SELECT COLUMNS(* EXCLUDE (landing_file, file_id, line_number, landing_date)) FROM trusted.storefront ORDER BY ALL")


@pytest.fixture(scope="module")
def landed_as_files(sample: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> list[tuple[object, ...]]:
    """Trusted as it comes out of the same lines in a file."""
    with pytest.MonkeyPatch.context() as local:
        local.setenv("EVENT_PLATFORM_HOME", str(tmp_path_factory.mktemp("local") / "home"))
        local.setenv("EVENT_PLATFORM_SETTLE_SECONDS", "0")
        pipeline = Pipeline(sources.get("storefront"))
        pipeline.drop("all.json", b"\n".join(sample))
        process(pipeline)
        return trusted(pipeline)


def test_what_is_buffered_and_compressed_ends_in_trusted_as_files_would(
    sample: list[bytes], landed_as_files: list[tuple[object, ...]], documented: Documented, shop: Pipeline
) -> None:
    put_by_example(sample)
    documented.let_time_pass()
    (name,) = delivered()
    assert name.split("/")[4].startswith("storefront-1-") and name.endswith(".gz")
    process(shop)
    assert trusted(shop) == landed_as_files
    assert shop.sql("SELECT lines, compression, original_name FROM landing.storefront") == [(len(sample), "gzip", name)]
    assert shop.status().balanced
    assert (len(delivered("processed")), delivered()) == (1, [])


def test_a_full_buffer_is_delivered_at_once_and_a_delivery_that_is_repeated_doubles_nothing(
    sample: list[bytes], landed_as_files: list[tuple[object, ...]], documented: Documented, shop: Pipeline
) -> None:
    import boto3

    firehose = boto3.client("firehose")
    (destination,) = firehose.describe_delivery_stream(DeliveryStreamName="storefront")["DeliveryStreamDescription"]["Destinations"]
    firehose.update_destination(
        DeliveryStreamName="storefront",
        CurrentDeliveryStreamVersionId="1",
        DestinationId=destination["DestinationId"],
        ExtendedS3DestinationUpdate={"BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 60}},
    )
    put_by_example(sample * 3)
    at_once = len(delivered())
    documented.let_time_pass()
    assert 0 < at_once < len(delivered())
    again = object_store("s3://lake").read(f"s3://lake/landing/storefront/pending/{delivered()[0]}")
    assert again is not None
    object_store("s3://lake").create("s3://lake/landing/storefront/pending/2026/11/21/17/storefront-1-again.gz", again)
    process(shop)
    assert trusted(shop) == landed_as_files
    assert shop.sql("SELECT count(*) FROM landing.storefront WHERE duplicate_of IS NOT NULL") == [(1,)]
    assert shop.status().balanced


def test_events_that_were_glued_are_told_as_such_and_can_be_mended(
    sample: list[bytes], landed_as_files: list[tuple[object, ...]], documented: Documented, shop: Pipeline
) -> None:
    import boto3

    sound = [line for line in sample if line.endswith(b"}")]
    boto3.client("firehose").put_record_batch(DeliveryStreamName="storefront", Records=[{"Data": line} for line in sound[:500]])
    documented.let_time_pass()
    process(shop)
    assert shop.sql("SELECT line_number, reason FROM quarantine.storefront") == [(1, "several JSON objects on one line")]
    assert shop.status().balanced
    (archived,) = delivered("processed")
    glued = gzip.decompress(object_store("s3://lake").read(f"s3://lake/landing/storefront/processed/{archived}") or b"").decode()
    put_by_example([*_split_objects(glued), *sound[500:]])
    documented.let_time_pass()
    process(shop)
    assert shop.status().balanced
    assert trusted(shop) == landed_as_files


def _split_objects(text: str) -> list[bytes]:
    """What `jq -c .` does."""
    objects, decoder, at = [], json.JSONDecoder(), 0
    while at < len(text):
        found, at = decoder.raw_decode(text, at)
        objects.append(json.dumps(found).encode())
    return objects


def test_what_motos_own_delivers_is_taken_too(sample: list[bytes], landed_as_files: list[tuple[object, ...]], shop: Pipeline) -> None:
    put_by_example(sample)
    names = delivered()
    assert len(names) == -(-len(sample) // 500)
    assert not any(name.endswith(".gz") for name in names)
    process(shop)
    assert trusted(shop) == landed_as_files
    assert shop.status().balanced
    assert environment.read().lake_url == "s3://lake"
