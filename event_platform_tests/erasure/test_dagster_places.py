"""A person is erased from Dagster's records wherever a `dagster.yaml` puts them, and what cannot be searched is said."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.storage.compute_log_manager import ComputeIOType
from dagster_aws.s3.compute_log_manager import S3ComputeLogManager

import infra
from event_platform import sources
from event_platform.erasure import dagster_places
from event_platform.erasure.log_bucket import LogBucket
from event_platform.erasure.topics import told
from event_platform.errors import ConfigurationError
from event_platform.instance import open_instance
from event_platform.lake.schema import MASK
from event_platform_tests.erasure.test_erase import ADA, BEN, click, erase, lines
from event_platform_tests.pipeline import Pipeline

KEY = dg.AssetKey(["trusted", "clickstream"])
Configure = Callable[[str], Path]


@pytest.fixture
def configure(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Configure:  # noqa: ARG001 - the process is told of it
    """Writes a dagster.yaml of the user's, which holds from then on; gives its folder."""

    def written(text: str) -> Path:
        folder = tmp_path / "dagster"
        folder.mkdir()
        (folder / "dagster.yaml").write_text(f"telemetry: {{enabled: false}}\n{text}")
        monkeypatch.setenv("DAGSTER_HOME", str(folder))
        return folder

    return written


def landed() -> Pipeline:
    """Two clicks, one of them of the person, whom Dagster's event log mentions too."""
    clicks = Pipeline(sources.get("clickstream"))
    clicks.drop("one.json", lines([click(BEN, 1), click(ADA, 2)]))
    clicks.run_well()
    with open_instance() as instance:
        instance.report_runless_asset_event(dg.AssetObservation(KEY, description=f"seen {ADA}"))
    return clicks


def databases_with(folder: Path) -> list[str]:
    """The SQLite files under a folder of which a byte run is the person's name."""
    return sorted(path.name for path in folder.rglob("*.db*") if ADA.encode() in path.read_bytes())


def test_sqlite_files_and_logs_in_a_dagster_home_of_the_users(configure: Configure) -> None:
    folder = configure("")
    landed()
    printed = folder / "storage" / "a-run" / "compute_logs" / "step.err"
    printed.parent.mkdir(parents=True)
    printed.write_text(f"took {ADA}\n")
    of_others = folder / "storage" / "model.pickle"
    of_others.write_bytes(b"\x80\x04none of Dagster's own")
    assert databases_with(folder / "history")

    receipt = erase(f"username={ADA}")

    assert receipt.clean
    assert databases_with(folder) == []
    assert printed.read_text() == f"took {MASK}\n"
    assert of_others.read_bytes() == b"\x80\x04none of Dagster's own"
    assert {str(folder / "history"), str(folder / "storage")} <= set(receipt.dagster["places"])
    assert receipt.dagster["cells"] > 0
    assert receipt.dagster["files"] == 1
    with open_instance() as instance:
        (record,) = instance.fetch_observations(KEY, limit=1).records
    assert record.asset_observation is not None
    assert record.asset_observation.description == f"seen {MASK}"


def test_sqlite_files_in_a_folder_that_dagster_yaml_names(configure: Configure, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    configure(f"storage: {{sqlite: {{base_dir: {json.dumps(str(elsewhere))}}}}}\n")
    landed()
    assert databases_with(elsewhere)
    receipt = erase(f"username={ADA}")
    assert receipt.clean
    assert databases_with(elsewhere) == []
    assert str(elsewhere / "history") in receipt.dagster["places"]


def test_the_proof_reads_these_files_too(configure: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = configure("")
    landed()
    monkeypatch.setattr("event_platform.erasure.dagster_records.mask_database", lambda *_: 0)
    receipt = erase(f"username={ADA}")
    assert not receipt.clean
    assert any(name.startswith(str(folder / "history")) for name in receipt.proof["bytes"]["held"])


def s3_at(endpoint: str) -> Any:
    import boto3

    return boto3.client("s3", endpoint_url=endpoint)


def in_bucket(configure: Configure, tmp_path: Path, bucket: str, endpoint: str) -> None:
    """What runs print goes into a bucket, and what is of another prefix is not theirs."""
    logs = {"bucket": bucket, "prefix": "logs/dagster", "local_dir": str(tmp_path / "printed"), "endpoint_url": endpoint}
    described = {"module": "dagster_aws.s3.compute_log_manager", "class": "S3ComputeLogManager", "config": logs}
    configure(f"compute_logs: {json.dumps(described)}\n")


@pytest.mark.parametrize("prefix", ["", "/", "logs/dagster"])
def test_the_keys_of_logs_begin_as_those_that_are_searched(prefix: str) -> None:
    manager = S3ComputeLogManager(bucket="b", prefix=prefix, region="eu-west-1")
    key = manager._s3_key(["a-run", "compute_logs", "step"], ComputeIOType.STDERR)
    assert key.startswith(LogBucket.of(manager).prefix)


def check_a_bucket(configure: Configure, tmp_path: Path, bucket: str, endpoint: str) -> None:
    client = s3_at(endpoint)
    in_bucket(configure, tmp_path, bucket, endpoint)
    landed()
    put = {
        "logs/dagster/storage/a-run/compute_logs/step.err": f"took {ADA}, x{ADA}\n",
        "logs/dagster/storage/b-run/compute_logs/step.out": f"took {BEN}\n",
        "logs/dagster-of-others/storage/c-run/compute_logs/step.out": f"took {ADA}\n",
    }
    for key, text in put.items():
        client.put_object(Bucket=bucket, Key=key, Body=text.encode())
    copy = tmp_path / "printed" / "a-run" / "compute_logs" / "step.err"
    copy.parent.mkdir(parents=True)
    copy.write_text(f"took {ADA}\n")

    receipt = erase(f"username={ADA}")

    assert receipt.clean
    found = {key: client.get_object(Bucket=bucket, Key=key)["Body"].read().decode() for key in put}
    assert list(found.values()) == [f"took {MASK}, x{ADA}\n", f"took {BEN}\n", f"took {ADA}\n"]
    assert copy.read_text() == f"took {MASK}\n"
    assert (receipt.dagster["objects_searched"], receipt.dagster["objects"]) == (2, 1)
    assert f"s3://{bucket}/logs/dagster/storage/" in receipt.dagster["places"]


def test_what_runs_printed_into_a_bucket(configure: Configure, aws: str, tmp_path: Path) -> None:
    s3_at(aws).create_bucket(Bucket="printed")
    check_a_bucket(configure, tmp_path, "printed", aws)


@pytest.mark.server
def test_what_runs_printed_into_a_bucket_of_a_real_server(configure: Configure, s3: infra.SeaweedFS, tmp_path: Path) -> None:
    check_a_bucket(configure, tmp_path, s3.bucket, s3.endpoint)


def test_the_proof_reads_the_bucket_too(configure: Configure, aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = s3_at(aws)
    client.create_bucket(Bucket="printed")
    in_bucket(configure, tmp_path, "printed", aws)
    landed()
    key = "logs/dagster/storage/a-run/compute_logs/step.err"
    client.put_object(Bucket="printed", Key=key, Body=ADA.encode())
    monkeypatch.setattr("event_platform.erasure.log_bucket.MASK", ADA)
    receipt = erase(f"username={ADA}")
    assert not receipt.clean
    assert receipt.proof["bytes"]["held"] == [f"s3://printed/{key}"]


def test_logs_that_cannot_be_opened_are_told_before_anything_is_erased(configure: Configure) -> None:
    configure("compute_logs: {module: nowhere_to_be_found, class: Logs, config: {}}\n")
    clicks = landed()
    with pytest.raises(ConfigurationError, match="kept by Logs"):
        erase(f"username={ADA}")
    assert clicks.status().total.erased == 0


def test_only_what_runs_printed_is_looked_at_in_the_folder_for_passing_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for name in ("a-run/compute_logs/step.err", "nohup.out", "project/logs/my.err"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert [path.name for path in dagster_places.DagsterPlaces((), (tmp_path,)).files()] == ["step.err"]


def test_what_is_not_searched_is_named_whoever_answers(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    landed()
    monkeypatch.setattr(dagster_places, "compute_log_manager", lambda: object())
    monkeypatch.setenv("EVENT_PLATFORM_KAFKA", "127.0.0.1:1")
    monkeypatch.setattr("event_platform.realtime.kafka.client.ANSWER_SECONDS", 0.5)
    receipt = erase(f"username={ADA}")
    assert receipt.clean
    *topics, printed = receipt.not_searched
    assert topics[0]["place"] == "topic clickstream of Kafka"
    assert all(each["kept"].startswith("not known: ") for each in topics)
    assert printed["place"] == "what runs printed, kept by object"
    (path,) = (home / "privacy" / "receipts").glob("*.json")
    assert "kafka-delete-records" in path.read_text()


@pytest.mark.parametrize(
    ("milliseconds", "most", "policy", "words"),
    [
        ("604800000", "-1", "delete", "7 days"),
        ("3600000", "1000", "delete", "1 hours, at most 1,000 bytes a partition"),
        ("-1", "-1", "delete", "for ever"),
        ("604800000", "-1", "compact,delete", "7 days"),
        ("-1", "-1", "compact", "until another message with their key, the last of each key for ever"),
    ],
)
def test_how_long_a_topic_keeps_its_messages(milliseconds: str, most: str, policy: str, words: str) -> None:
    assert told({"retention.ms": milliseconds, "retention.bytes": most, "cleanup.policy": policy}) == words
