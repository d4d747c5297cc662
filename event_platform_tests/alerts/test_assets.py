"""Alerts on the asset graph and on the command line."""

import json
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from typer.testing import CliRunner

from event_platform import diagnosis, tables
from event_platform.alerts import channels
from event_platform.alerts.assets import KEY, alerts_schedule
from event_platform.cli import app
from event_platform.errors import ConfigurationError, TransientError, UsageError
from event_platform.instance import open_instance
from event_platform.runs import Outcome, has_pending_work, process_pending, run_alerts
from event_platform_tests.alerts.conftest import GALE, WEATHER, MailServer, Weather


def now() -> datetime:
    return datetime.now(UTC).replace(second=0, microsecond=0)


def arrive(weather: Weather) -> list[Outcome]:
    with open_instance() as instance:
        return list(process_pending(weather.lake, WEATHER, instance, print))


def blow(weather: Weather, speed: float) -> None:
    """A gust in trusted, which nothing downstream has taken in."""
    weather.gust(now(), speed)
    weather.lake.open(tables.ledger(WEATHER))


def tick(instance: dg.DagsterInstance) -> object:
    """What the schedule answers: a request for a run or the reason for none."""
    with dg.build_schedule_context(instance=instance) as context:
        data = alerts_schedule().evaluate_tick(context)
    return data.skip_message or data.run_requests


def test_an_arrival_run_sends_alerts_after_trusted(weather: Weather, mail: MailServer) -> None:
    weather.configure()
    blow(weather, 25)
    (outcome,) = arrive(weather)
    assert outcome.failures == ()
    assert mail.titles == ["gale: oslo breach"]
    with open_instance() as instance:
        event = instance.get_latest_materialization_event(KEY)
        assert event is not None
        assert event.run_id == outcome.run_id
    assert not has_pending_work(weather.lake, WEATHER)


def test_configuring_alerts_later_is_work_for_the_next_run(weather: Weather, mail: MailServer) -> None:
    blow(weather, 25)
    arrive(weather)
    assert not has_pending_work(weather.lake, WEATHER)
    weather.configure()
    assert has_pending_work(weather.lake, WEATHER)
    arrive(weather)
    assert mail.titles == ["gale: oslo breach"]


def test_a_mail_server_that_is_away_fails_no_run_but_the_check_warns(weather: Weather, mail: MailServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "TRIES", 1)
    weather.configure()
    mail.stop()
    blow(weather, 25)
    (outcome,) = arrive(weather)
    assert outcome.failures == ()
    with open_instance() as instance:
        (record,) = instance.event_log_storage.get_asset_check_execution_history(dg.AssetCheckKey(KEY, "delivered"), limit=1)
        assert record.event is not None
        assert record.event.dagster_event is not None
        evaluation = record.event.dagster_event.asset_check_evaluation_data
        assert (evaluation.passed, evaluation.severity) == (False, dg.AssetCheckSeverity.WARN)


def test_a_configuration_that_cannot_be_used_fails_the_run_after_trusted_is_done(weather: Weather) -> None:
    weather.configure("rules = 3")
    blow(weather, 25)
    (outcome,) = arrive(weather)
    assert any("alerts.toml cannot be used" in failure for failure in outcome.failures)
    weather.configure()
    arrive(weather)
    assert [kind for kind, _ in weather.told()] == ["breach"]


def test_the_schedule_asks_for_a_run_only_when_a_message_is_due(weather: Weather, mail: MailServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_instance() as instance:
        assert tick(instance) == "no message is waiting"
        later, earlier = now() + timedelta(hours=2), now() - timedelta(hours=2)
        weather.configure(GALE.replace('"DUTY_URL"', f'"DUTY_URL"\nquiet_from = "{earlier:%H:%M}"\nquiet_until = "{later:%H:%M}"'))
        blow(weather, 25)
        arrive(weather)
        assert tick(instance) == f"the next message is due at {later:%Y-%m-%d %H:%M} UTC"
        monkeypatch.setattr("event_platform.alerts.assets.datetime", _At(later))
        (request,) = tick(instance)  # type: ignore[misc]
        assert isinstance(request, dg.RunRequest)
        assert run_alerts(instance, print).ok
        assert len(mail.received) == 1
        assert tick(instance) == "no message is waiting"


class _At:
    """A clock that stands."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self, zone: object) -> datetime:
        assert zone is UTC
        return self.moment


def test_the_schedule_is_on_only_where_alerts_are_configured(weather: Weather) -> None:
    assert alerts_schedule().default_status == dg.DefaultScheduleStatus.STOPPED
    weather.configure()
    assert alerts_schedule().default_status == dg.DefaultScheduleStatus.RUNNING


def command(*arguments: str) -> str:
    """The output of a command that ends well; its error otherwise."""
    result = CliRunner().invoke(app, ["alerts", *arguments])
    if result.exception:
        raise result.exception
    return result.stdout


def test_the_commands_run_list_and_test(weather: Weather, mail: MailServer) -> None:
    weather.configure()
    weather.gust(now(), 25)
    command("run")
    (row,) = json.loads(command("list", "--format", "json"))
    assert (row["rule"], row["recipient"], row["state"], row["value"]) == ("gale", "duty", "sent", 25.0)
    assert json.loads(command("list", "--waiting", "--format", "json")) == []
    assert "gale" in command("list")
    command("test", "duty")
    assert mail.titles == ["gale: oslo breach", "Test of the weather alerts"]


def test_the_commands_say_what_is_wrong(weather: Weather, mail: MailServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "TRIES", 1)
    with pytest.raises(ConfigurationError, match=r"alerts\.toml cannot be read"):
        command("run")
    weather.configure()
    assert [(finding.ok, finding.what) for finding in diagnosis._alerts()] == [
        (True, "alerts: 1 rule, 1 recipient"),
        (True, "the address of duty is in DUTY_URL"),
    ]
    monkeypatch.delenv("DUTY_URL")
    assert [finding.ok for finding in diagnosis._alerts()] == [True, False]
    monkeypatch.setenv("DUTY_URL", mail.url)
    with pytest.raises(UsageError, match="It has: duty"):
        command("test", "nobody")
    mail.stop()
    with pytest.raises(TransientError, match="DUTY_URL"):
        command("test", "duty")
