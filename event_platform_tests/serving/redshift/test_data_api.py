"""The Data API as moto has it: it takes single statements, runs none of them, and leaves them as started until told otherwise."""

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from moto.redshiftdata.models import RedshiftDataAPIServiceBackend, Statement, redshiftdata_backends

from event_platform.environment import Redshift, read
from event_platform.errors import ConfigurationError, PermanentError, TransientError
from event_platform.serving.redshift import data_api
from event_platform.serving.redshift.data_api import DataApi

pytestmark = pytest.mark.usefixtures("aws")

CLUSTER = Redshift(cluster="main", database="prod", secret_arn="arn:aws:secretsmanager:us-east-1:123456789012:secret:loader")


@pytest.fixture
def end_as(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[str]]:
    """Let moto's statements end so when they are asked after for the third time; the statuses told so far."""

    def arrange(status: str) -> list[str]:
        told: list[str] = []
        describe = RedshiftDataAPIServiceBackend.describe_statement

        def third(backend: Any, statement_id: str) -> Statement:
            found = describe(backend, statement_id)
            found.status = status if len(told) == 2 else found.status
            told.append(found.status)
            return found

        monkeypatch.setattr(RedshiftDataAPIServiceBackend, "describe_statement", third)
        return told

    return arrange


def statement() -> Statement:
    (found,) = redshiftdata_backends["123456789012"]["us-east-1"].statements.values()
    return found


def test_a_query_hands_in_its_parameters_and_asks_until_it_has_ended(end_as: Callable[[str], list[str]]) -> None:
    told = end_as("FINISHED")
    rows = DataApi(CLUSTER).query("SELECT * FROM t WHERE a = :a AND b = :b", a="1", b="it's")
    assert told == ["STARTED", "STARTED", "FINISHED"]
    assert rows[0] == (10, "Alpha st", "Vancouver")
    found = statement()
    assert (found.cluster_identifier, found.database, found.secret_arn) == ("main", "prod", CLUSTER.secret_arn)
    assert found.query_parameters == [{"name": "a", "value": "1"}, {"name": "b", "value": "it's"}]


@pytest.mark.parametrize(("status", "kind"), [("FAILED", PermanentError), ("ABORTED", TransientError)])
def test_a_statement_that_does_not_finish_is_told(status: str, kind: type[Exception], end_as: Callable[[str], list[str]]) -> None:
    end_as(status)
    with pytest.raises(kind, match=r"Redshift main/prod.*Nothing is half done") as caught:
        DataApi(CLUSTER).query("SELECT 1")
    assert "secret" not in str(caught.value)


def test_a_statement_that_takes_too_long_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_api, "LONGEST_SECONDS", 0.0)
    with pytest.raises(TransientError, match="cancelled"):
        DataApi(CLUSTER).query("SELECT 1")
    assert statement().status == "ABORTED"


def test_pauses_grow_up_to_the_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    paused: list[float] = []
    turns = count()
    monkeypatch.setattr(data_api, "FIRST_PAUSE_SECONDS", 0.2)
    monkeypatch.setattr("tenacity.nap.time.sleep", paused.append)
    describe = RedshiftDataAPIServiceBackend.describe_statement

    def slow(backend: Any, statement_id: str) -> Statement:
        found = describe(backend, statement_id)
        found.status = "FINISHED" if next(turns) == 8 else found.status
        return found

    monkeypatch.setattr(RedshiftDataAPIServiceBackend, "describe_statement", slow)
    DataApi(CLUSTER).query("SELECT 1")
    assert [round(each, 2) for each in paused if each >= 0.2] == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0]


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("ERROR: 1023 DETAIL: Serializable isolation violation on table - 123", TransientError),
        ("ERROR: Disk Full Detail", TransientError),
        ("ERROR: permission denied for schema trusted", PermanentError),
        ("ERROR: User arn:aws:redshift:x is not authorized to assume IAM Role y", ConfigurationError),
        ("FATAL: password authentication failed for user", ConfigurationError),
        ("ERROR: Spectrum Scan Error", PermanentError),
    ],
)
def test_reasons_have_their_kind(said: str, kind: type[Exception]) -> None:
    error = DataApi(CLUSTER)._failure({"Status": "FAILED", "Error": f"{said}\n  more"})
    assert (type(error), "\n" in str(error)) == (kind, False)
    assert said in str(error)


@pytest.mark.parametrize("settings", [Redshift(), replace(CLUSTER, workgroup="analytics")])
def test_one_redshift_must_be_named(settings: Redshift) -> None:
    with pytest.raises(ConfigurationError, match="EVENT_PLATFORM_REDSHIFT_WORKGROUP"):
        DataApi(settings)


def test_a_service_that_is_away_is_a_transient_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setattr("event_platform.lake.aws.ATTEMPTS", 1)
    with pytest.raises(TransientError, match="Redshift main/prod cannot be reached"):
        DataApi(CLUSTER).query("SELECT 1")


def test_without_a_region_it_is_said_how_to_give_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(ConfigurationError, match="AWS_DEFAULT_REGION"):
        DataApi(CLUSTER)


def test_a_name_that_cannot_be_one_is_told() -> None:
    with pytest.raises(ConfigurationError, match="WorkgroupName"):
        DataApi(Redshift(workgroup="x")).run(["SELECT 1"])


def test_without_credentials_it_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(ConfigurationError, match="NoCredentialsError"):
        DataApi(CLUSTER).run(["SELECT 1"])


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"WORKGROUP": "analytics", "DATABASE": "prod", "ROLE_ARN": "arn:aws:iam::1:role/x", "STAGING": "s3://bucket/prefix/"}
    for name, value in given.items():
        monkeypatch.setenv(f"EVENT_PLATFORM_REDSHIFT_{name}", value)
    assert read().redshift == Redshift(workgroup="analytics", database="prod", role_arn="arn:aws:iam::1:role/x", staging="s3://bucket/prefix")
    monkeypatch.setenv("EVENT_PLATFORM_REDSHIFT_STAGING", "/local/folder")
    with pytest.raises(ConfigurationError, match="EVENT_PLATFORM_REDSHIFT_STAGING"):
        read()
