"""The installation on AWS, as Terraform itself works it out: against the published schema of the provider, with an AWS that Terraform plays.

Nothing here was ever applied to a real account; what is shown is that all fits together and who may do what.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from event_platform import cli, environment
from event_platform.alerts import configuration as alerts
from event_platform.environment import CHECKOUT
from event_platform.realtime import configuration as collector
from event_platform.serving.sql import declared_tables
from infra.aws_provider import Terraform, terraform

CONFIGURATION = CHECKOUT / "terraform"
LAKE, WORK = "arn:aws:s3:::events-123456789012-lake/lake", "arn:aws:s3:::events-123456789012-work"
GLUE = "arn:aws:glue:eu-west-1:123456789012"

pytestmark = pytest.mark.terraform


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    """A copy of the configuration, ready for commands."""
    folder = tmp_path_factory.mktemp("terraform")
    copy = folder / "configuration"
    shutil.copytree(CONFIGURATION, copy, ignore=shutil.ignore_patterns(".terraform*", "*.tfvars"))
    ready = terraform(copy, folder)
    started = ready.run("init", "-backend=false", "-input=false", "-no-color")
    assert started.returncode == 0, started.stderr
    return ready


class Installed:
    """What came of the run `all`: each resource's values, by address."""

    def __init__(self, module: dict[str, Any]) -> None:
        self.values = dict(_resources(module))

    def container(self, name: str) -> dict[str, Any]:
        """The definition of a component's container."""
        task = self.values[f'module.component["{name}"].aws_ecs_task_definition.this']
        return next(each for each in json.loads(task["container_definitions"]) if each["name"] == name)

    def files(self, name: str) -> dict[str, str]:
        """What is written into a component's home before it starts, by the variable that carries it."""
        task = self.values[f'module.component["{name}"].aws_ecs_task_definition.this']
        (writer,) = (each for each in json.loads(task["container_definitions"]) if each["name"] == "files")
        return {each["name"]: each["value"] for each in writer["environment"]}

    @property
    def components(self) -> list[str]:
        """The names of all."""
        return re.findall(r'module\.component\["(\w+)"\]\.aws_ecs_task_definition', "\n".join(self.values))

    def may(self, component: str, action: str, resource: str, role: str = "task") -> bool:
        """Whether the component's role allows the action on the resource, and nothing denies it; conditions are taken for fulfilled."""
        policy = json.loads(self.values[f'module.component["{component}"].module.{role}.aws_iam_role_policy.this[0]']["policy"])
        effects = {each["Effect"] for each in policy["Statement"] if _covers(each["Action"], action) and _covers(each["Resource"], resource)}
        return effects == {"Allow"}


def _resources(module: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for resource in module.get("resources", []):
        yield resource["address"], resource["values"]
    for child in module.get("child_modules", []):
        yield from _resources(child)


def _covers(patterns: str | list[str], one: str) -> bool:
    return any(fnmatchcase(one, pattern) for pattern in ([patterns] if isinstance(patterns, str) else patterns))


@pytest.fixture(scope="module")
def installed(prepared: Terraform) -> Installed:
    told = prepared.run("test", "-json", "-verbose")
    events = [json.loads(line) for line in told.stdout.splitlines()]
    wrong = [event["diagnostic"] for event in events if event["type"] == "diagnostic"]
    assert told.returncode == 0, json.dumps(wrong, indent=1)
    (state,) = (event["test_state"] for event in events if event["type"] == "test_state" and event["@testrun"] == "all")
    return Installed(state["root_module"])


def test_the_configuration_is_formatted() -> None:
    told = subprocess.run(["terraform", "fmt", "-check", "-recursive", "-diff"], cwd=CONFIGURATION, capture_output=True, text=True, check=False)
    assert (told.returncode, told.stdout) == (0, "")


def test_terraform_finds_the_configuration_sound(prepared: Terraform) -> None:
    told = prepared.run("validate", "-no-color")
    assert told.returncode == 0, told.stderr


MISTAKES = """
resource "aws_sns_topic" "misspelt" {
  nmae = "x"
}
resource "aws_sns_topic" "of_another_type" {
  name = ["x"]
}
resource "aws_sns_topic_subscription" "with_an_argument_missing" {
  topic_arn = "x"
  protocol  = "sms"
}
resource "aws_s3_bucket_versioning" "with_a_block_missing" {
  bucket = "x"
}
resource "aws_s3_bucket_lifecycle_configuration" "misspelt_deep_inside" {
  bucket = "x"
  rule {
    id     = "x"
    status = "Enabled"
    expiration {
      dais = 1
    }
  }
}
resource "aws_sns_topic" "sound" {
  name = "x"
}
resource "aws_sns_topic_policy" "of_what_is_not_there" {
  arn    = aws_sns_topic.sound.arm
  policy = "{}"
}
"""


def test_mistakes_are_found(tmp_path: Path) -> None:
    folder = tmp_path / "mistakes"
    folder.mkdir()
    (folder / "main.tf").write_text(MISTAKES)
    wrong = terraform(folder, tmp_path)
    assert wrong.run("init", "-backend=false", "-input=false").returncode == 0
    told = json.loads(wrong.run("validate", "-json").stdout)["diagnostics"]
    found = {(each["snippet"]["context"].split('"')[-2], each["summary"]) for each in told}
    assert found == {
        ("misspelt", "Unsupported argument"),
        ("of_another_type", "Incorrect attribute value type"),
        ("with_an_argument_missing", "Missing required argument"),
        ("with_a_block_missing", "Insufficient versioning_configuration blocks"),
        ("misspelt_deep_inside", "Unsupported argument"),
        ("of_what_is_not_there", "Unsupported attribute"),
    }


def test_the_loader_cannot_read_what_the_alerter_reads(installed: Installed) -> None:
    read = [f"{LAKE}/trusted/weather/data/a.parquet", f"{LAKE}/aggregate/weather_alerts/data/a.parquet"]
    listed = [f"{GLUE}:table/trusted/weather", f"{GLUE}:table/aggregate/weather_alerts"]
    assert all(installed.may("alerter", "s3:GetObject", each) for each in read)
    assert all(installed.may("alerter", "glue:GetTable", each) for each in listed)
    assert not any(installed.may("loader", "s3:GetObject", each) for each in read)
    assert not any(installed.may("loader", "glue:GetTable", each) for each in listed)
    assert not installed.may("loader", "sns:Publish", installed.values["module.alert_sms.aws_sns_topic.this"]["arn"])


def test_the_loader_reads_what_it_loads_and_no_more(installed: Installed) -> None:
    for table in ("trusted/payments", "aggregate/payments_daily"):
        assert installed.may("loader", "s3:GetObject", f"{LAKE}/{table}/metadata/1.json")
        assert not installed.may("loader", "s3:PutObject", f"{LAKE}/{table}/data/a.parquet")
        assert not installed.may("alerter", "s3:GetObject", f"{LAKE}/{table}/data/a.parquet")
    assert not installed.may("loader", "s3:GetObject", f"{LAKE}/trusted/payments_and_more/data/a.parquet")
    assert not installed.may("loader", "s3:GetObject", f"{LAKE}/landing/payments/processed/date=2026-01-01/a.json")
    assert installed.may("loader", "s3:PutObject", f"{WORK}/redshift/payments/a.parquet")


@pytest.mark.parametrize(("name", "feed"), [("collector", "clickstream"), ("consumer", "weather")])
def test_who_brings_events_adds_to_one_queue(installed: Installed, name: str, feed: str) -> None:
    assert installed.may(name, "s3:PutObject", f"{LAKE}/landing/{feed}/pending/a.jsonl")
    assert not installed.may(name, "s3:PutObject", f"{LAKE}/landing/storefront/pending/a.jsonl")
    assert not installed.may(name, "s3:GetObject", f"{LAKE}/landing/{feed}/processed/date=2026-01-01/a.jsonl")
    assert not any(installed.may(name, "s3:GetObject", f"{LAKE}/{layer}/clickstream/data/a.parquet") for layer in ("stage", "trusted", "quarantine"))
    assert not installed.may(name, "glue:GetTable", f"{GLUE}:table/trusted/clickstream")


def test_the_poller_sees_nothing_of_the_lake(installed: Installed) -> None:
    stream = installed.values["module.intake.aws_kinesis_stream.events"]["arn"]
    assert installed.may("poller", "kinesis:PutRecord", stream)
    assert not installed.may("poller", "kinesis:GetRecords", stream)
    assert not installed.may("poller", "s3:GetObject", f"{LAKE}/landing/weather/pending/a.json")
    assert installed.may("consumer", "kinesis:GetRecords", stream)
    assert [name for name in installed.components if installed.may(name, "kinesis:GetRecords", stream)] == ["consumer"]


@pytest.mark.parametrize("name", ["webserver", "daemon"])
def test_what_controls_runs_sees_no_data(installed: Installed, name: str) -> None:
    assert not installed.may(name, "s3:GetObject", f"{LAKE}/trusted/payments/data/a.parquet")
    assert installed.may(name, "s3:GetObject", f"{WORK}/compute-logs/run.err")
    assert installed.may(name, "iam:PassRole", "arn:aws:iam::123456789012:role/events-run")
    assert not installed.may(name, "iam:PassRole", "arn:aws:iam::123456789012:role/events-alerter")


def test_each_secret_is_read_where_it_is_needed_alone(installed: Installed) -> None:
    secrets = {address: values["arn"] for address, values in installed.values.items() if ".given[" in address}
    assert len(secrets) == 3
    for address, arn in secrets.items():
        owner = "poller" if "tomorrow" in address else "collector"
        readers = [name for name in installed.components if installed.may(name, "secretsmanager:GetSecretValue", arn, role="start")]
        assert readers == [owner], address
    assert not any(installed.may(name, "secretsmanager:GetSecretValue", arn) for name in installed.components for arn in secrets.values())


def test_nobody_may_do_everything_anywhere(installed: Installed) -> None:
    for address, values in installed.values.items():
        for statement in json.loads(values["policy"])["Statement"] if "aws_iam_role_policy." in address else []:
            actions = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
            assert not any("*" in action for action in actions), address


def test_containers_are_given_settings_that_the_platform_knows(installed: Installed, monkeypatch: pytest.MonkeyPatch) -> None:
    known = {setting.name for setting in environment.settings()}
    for name in installed.components:
        container = installed.container(name)
        told = {each["name"]: each["value"] for each in container["environment"]} | {each["name"]: "given" for each in container["secrets"]}
        settings = {variable for variable in told if variable.startswith("EVENT_PLATFORM_") and not variable.startswith("EVENT_PLATFORM_EMR_")}
        assert settings <= known, name
        with monkeypatch.context() as given:
            for variable, value in told.items():
                given.setenv(variable, value)
            understood = environment.read()
        assert understood.lake_url == "s3://events-123456789012-lake/lake"
        assert understood.catalog == "glue"
        assert (understood.emr is not None) == (name in ("code", "run", "maintain"))


def test_containers_run_commands_that_there_are(installed: Installed) -> None:
    for name in installed.components:
        command = installed.container(name)["command"]
        for words in command[2].split(" && ") if command[0] == "sh" else [" ".join(command)]:
            program, *arguments = words.split()
            if program == "event-platform":
                ended = CliRunner().invoke(cli.app, [*arguments, "--help"])
                assert ended.exit_code == 0, (name, ended.output)


def test_the_weather_is_polled_where_it_was_asked_for(installed: Installed) -> None:
    told = {each["name"]: each["value"] for each in installed.container("poller")["environment"]}
    assert set(told["EVENT_PLATFORM_WEATHER_PLACES"].split(";")) == {"office=60.17,24.94", "new-york=New York"}


def test_thresholds_and_recipients_are_what_the_alerter_understands(installed: Installed, tmp_path: Path) -> None:
    (tmp_path / "alerts.toml").write_text(installed.files("alerter")["ALERTS_TOML"])
    understood = alerts.read(tmp_path / "alerts.toml")
    assert {(rule.name, rule.threshold, rule.clear_level) for rule in understood.rules} == {("gale", 20, 16), ("frost", 0, 1)}
    assert {(name, each.channel, each.address_from) for name, each in understood.recipients.items()} == {
        ("email", "sns", "ALERTS_BY_EMAIL"),
        ("sms", "sns", "ALERTS_BY_SMS"),
    }
    told = {each["name"]: each["value"] for each in installed.container("alerter")["environment"]}
    assert told["ALERTS_BY_SMS"] == installed.values["module.alert_sms.aws_sns_topic.this"]["arn"]
    assert {
        values["protocol"] for address, values in installed.values.items() if address.startswith("module.alert_") and "subscription" in address
    } == {"email", "sms"}


def test_the_collectors_keys_are_what_it_understands(installed: Installed, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.mkdir(parents=True, exist_ok=True)
    (home / "collector.toml").write_text(installed.files("collector")["COLLECTOR_TOML"])
    understood = collector.read(environment.read())
    assert {name: set(key.topics) for name, key in understood.keys.items()} == {"website": {"clickstream"}, "shop": {"payments", "clickstream"}}
    given = {each["name"] for each in installed.container("collector")["secrets"]}
    assert {key.secret_from for key in understood.keys.values()} == given
    for name in given:
        monkeypatch.setenv(name, "secret")
    assert understood.secrets().keys() == {"website", "shop"}


def test_a_new_version_goes_back_by_itself_and_two_daemons_never_run(installed: Installed) -> None:
    services = {address: values for address, values in installed.values.items() if address.endswith("aws_ecs_service.this")}
    assert len(services) == 5
    assert all(values["deployment_circuit_breaker"] == [{"enable": True, "rollback": True}] for values in services.values())
    daemon = installed.values['module.service["daemon"].aws_ecs_service.this']
    assert (daemon["deployment_minimum_healthy_percent"], daemon["deployment_maximum_percent"]) == (0, 100)
    code = installed.values['module.service["code"].aws_ecs_service.this']
    assert (code["deployment_minimum_healthy_percent"], code["deployment_maximum_percent"]) == (100, 200)


def test_the_columns_that_contracts_call_personal_are_tagged_so(installed: Installed) -> None:
    written = json.loads((CONFIGURATION / "personal.auto.tfvars.json").read_text())["personal_columns"]
    declared = {table.name: {column.name for column in table.columns if column.personal} for table in declared_tables()}
    assert {name: set(columns) for name, columns in written.items()} == {name: columns for name, columns in declared.items() if columns}, (
        "stale; mend it with: python terraform/personal_columns.py"
    )
    tagged = [values for address, values in installed.values.items() if "aws_lakeformation_resource_lf_tags.personal[" in address]
    assert {f"{each['table_with_columns'][0]['database_name']}.{each['table_with_columns'][0]['name']}" for each in tagged} == written.keys()
    assert all(each["lf_tag"] == [{"catalog_id": each["lf_tag"][0]["catalog_id"], "key": "events-personal", "value": "yes"}] for each in tagged)
