"""Settings that cannot be used are refused before anything is touched."""

import os
from pathlib import Path

import pytest

from event_platform import environment
from event_platform.errors import ConfigurationError


@pytest.mark.parametrize("home", ["/tmp/a%20b", "/tmp/what?"])
def test_a_home_that_sqlite_would_misread_is_refused(monkeypatch: pytest.MonkeyPatch, home: str) -> None:
    monkeypatch.setenv("EVENT_PLATFORM_HOME", home)
    with pytest.raises(ConfigurationError, match="choose another"):
        environment.read()


def test_engines_are_read_with_their_exceptions(monkeypatch: pytest.MonkeyPatch) -> None:
    assert environment.read().engines.of("trusted.payments") == "duckdb"
    monkeypatch.setenv("EVENT_PLATFORM_ENGINE", "spark, trusted.payments=duckdb, stage.census = duckdb")
    engines = environment.read().engines
    chosen = {
        table: engines.of(table) for table in ("trusted.payments", "trusted.census", "stage.census", "quarantine.census", "quarantine.payments")
    }
    assert chosen == {
        "trusted.payments": "duckdb",
        "trusted.census": "spark",
        "stage.census": "duckdb",
        "quarantine.census": "duckdb",
        "quarantine.payments": "spark",
    }


@pytest.mark.parametrize("text", ["flink", "trusted.payments", "landing.payments=spark", "quarantine.payments=spark", "trusted.payments=", "=spark"])
def test_engines_that_do_not_exist_are_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("EVENT_PLATFORM_ENGINE", text)
    with pytest.raises(ConfigurationError, match="EVENT_PLATFORM_ENGINE"):
        environment.read()


def test_settings_for_emr_are_read_and_those_it_would_tear_apart_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in {"APPLICATION": "app", "ROLE_ARN": "arn", "SET_EVENT_PLATFORM_ENGINE": "spark,trusted.payments=duckdb"}.items():
        monkeypatch.setenv(f"EVENT_PLATFORM_EMR_{name}", text)
    emr = environment.read().emr
    assert emr and emr.settings == {"EVENT_PLATFORM_ENGINE": "spark,trusted.payments=duckdb"}
    monkeypatch.setenv("EVENT_PLATFORM_EMR_SET_EVENT_PLATFORM_ENGINE", "spark, trusted.payments=duckdb")
    with pytest.raises(ConfigurationError, match="EVENT_PLATFORM_EMR_SET_EVENT_PLATFORM_ENGINE") as told:
        environment.read()
    assert "trusted.payments" not in str(told.value)


@pytest.mark.parametrize("lake", ["s3://KEY:hidden@bucket/lake", "webhdfs://user:hidden@host:9870/lake", "ftp://hidden/lake"])
def test_a_lake_that_is_no_place_is_refused_without_repeating_what_may_be_secret(monkeypatch: pytest.MonkeyPatch, lake: str) -> None:
    monkeypatch.setenv("EVENT_PLATFORM_LAKE", lake)
    with pytest.raises(ConfigurationError, match="EVENT_PLATFORM_LAKE is no place for a lake") as refused:
        environment.read()
    assert "hidden" not in str(refused.value)


def test_kafka_is_read_with_its_options_and_shows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    assert environment.read().kafka is None
    monkeypatch.setenv("EVENT_PLATFORM_KAFKA", "a.example.com:9092, [::1]:9093")
    monkeypatch.setenv("EVENT_PLATFORM_SCHEMA_REGISTRY", "https://user:hidden@registry.example.com/")
    monkeypatch.setenv("EVENT_PLATFORM_KAFKA_SET_SASL_PASSWORD", "hidden")
    monkeypatch.setenv("EVENT_PLATFORM_SCHEMA_REGISTRY_SET_SSL_CA_LOCATION", "/hidden.pem")
    kafka = environment.read().kafka
    assert kafka
    assert (kafka.bootstrap_servers, kafka.registry) == ("a.example.com:9092,[::1]:9093", "https://user:hidden@registry.example.com")
    assert (kafka.options, kafka.registry_options) == ({"sasl.password": "hidden"}, {"ssl.ca.location": "/hidden.pem"})
    assert "hidden" not in repr(environment.read())


@pytest.mark.parametrize("servers", ["broker", "broker:9092,", "user:hidden@broker:9092", "https://hidden:9092"])
def test_brokers_that_are_none_are_refused_without_repeating_them(monkeypatch: pytest.MonkeyPatch, servers: str) -> None:
    monkeypatch.setenv("EVENT_PLATFORM_KAFKA", servers)
    with pytest.raises(ConfigurationError, match="EVENT_PLATFORM_KAFKA lists no brokers") as refused:
        environment.read()
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize("folder", ["SPARK_HOME", "SPARK_CONF_DIR"])
@pytest.mark.parametrize(("lies_there", "ours_holds"), [("log4j2.properties.template", True), ("log4j2.properties", False), ("log4j2.xml", False)])
def test_java_logs_as_told_unless_spark_is_configured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folder: str, lies_there: str, ours_holds: bool
) -> None:
    monkeypatch.setenv("LOG4J_CONFIGURATION_FILE", "")  # so that what is set here is unset afterwards
    for name in ("LOG4J_CONFIGURATION_FILE", "SPARK_HOME", "SPARK_CONF_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(folder, str(tmp_path))
    configuration = tmp_path / "conf" if folder == "SPARK_HOME" else tmp_path
    configuration.mkdir(exist_ok=True)
    (configuration / lies_there).touch()
    environment.log_as_told(Path("ours"))
    assert ("LOG4J_CONFIGURATION_FILE" in os.environ) == ours_holds
