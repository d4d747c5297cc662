"""One message for a problem, however many runs fail, and one when it is over; delivered by the ways and at the hours of alerts.toml."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from event_platform import environment, tables
from event_platform.alerts.configuration import read
from event_platform.definitions import defs
from event_platform.instance import open_instance
from event_platform.lake.table import Change
from event_platform.monitoring.notices import State, Waiting, deliver, take_in
from event_platform.orchestration import notice_sensor
from event_platform_tests.alerts.conftest import MailServer
from event_platform_tests.alerts.conftest import mail as mail
from event_platform_tests.pipeline import Pipeline, line

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
DUTY = """
[recipients.duty]
address_from = "DUTY_URL"

[operations]
recipients = ["duty"]
cooldown_minutes = 30
"""


class Platform(Pipeline):
    """A pipeline, its home's alerts.toml, and the sensor's ticks."""

    cursor: str | None = None

    def configure(self, text: str = DUTY) -> None:
        environment.read().home.mkdir(exist_ok=True)
        environment.read().alerts.write_text(text)

    def tick(self, now: datetime | None = None) -> str:
        with open_instance() as instance:
            context = dg.build_sensor_context(instance=instance, definitions=defs, cursor=self.cursor)
            result = notice_sensor._round(context, now or datetime.now(UTC))
        self.cursor = result.cursor
        assert result.skip_reason
        return str(result.skip_reason.skip_message)


@pytest.fixture
def platform(home: Path) -> Platform:  # noqa: ARG001 - sets the home
    return Platform()


def test_a_run_that_fails_again_is_one_problem_until_a_run_succeeds(platform: Platform, mail: MailServer) -> None:
    platform.configure()
    platform.drop("a.json", [line("a")])
    archive = platform.pending_folder().parent / "processed"
    archive.write_text("no folder")
    for _ in range(2):
        assert not platform.run()[0].ok
        platform.tick()
    archive.unlink()
    platform.run_well()
    assert platform.tick().startswith("nothing is wrong")
    platform.tick()
    first, second = mail.texts
    assert first.startswith("payments: the run ")
    assert second.startswith("over: payments: the run ")


def test_a_check_that_warns_is_told_and_so_is_that_it_passes_again(platform: Platform, mail: MailServer) -> None:
    platform.configure()
    platform.drop("a.json", ["not JSON", line("a")])
    platform.run_well()
    platform.tick()
    platform.drop("b.json", [line(f"{number}") for number in range(300)])
    platform.run_well()
    platform.tick()
    assert mail.titles == [
        "stage.payments: the check quarantine_share fails",
        "over: stage.payments: the check quarantine_share fails; mended at " + mail.texts[1].partition("mended at ")[2],
    ]


def test_a_check_that_fails_its_run_is_told_instead_of_the_run(platform: Platform, mail: MailServer) -> None:
    platform.configure()
    platform.drop("a.json", [line("a")])
    platform.run_well()
    stage = platform.lake.open(tables.stage(platform.source))
    stage.commit(Change("upkeep"), "vandal", removed=stage.files())
    platform.drop("b.json", [line("b")])
    assert not platform.run()[0].ok
    platform.tick()
    assert mail.titles == ["stage.payments: the check landed_is_staged_or_quarantined fails"]


def test_a_feed_that_is_silent_for_longer_than_its_contract_allows_is_told(platform: Platform, mail: MailServer) -> None:
    platform.configure()
    with open_instance() as instance:
        instance.report_runless_asset_event(dg.AssetMaterialization(["landing", "weather"]))
    assert platform.tick().startswith("nothing is wrong")
    platform.tick(datetime.now(UTC) + timedelta(hours=7))
    assert mail.titles == ["weather: nothing has landed for more than 6 h"]
    landing = defs.resolve_asset_graph().get(dg.AssetKey(["landing", "weather"]))
    assert landing.freshness_policy == dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=6))


@pytest.mark.parametrize("text", [None, '[recipients.duty]\naddress_from = "DUTY_URL"'])
def test_nothing_is_sent_where_nobody_is_named(platform: Platform, mail: MailServer, text: str | None) -> None:
    if text:
        platform.configure(text)
    assert platform.tick() == "alerts.toml names nobody under [operations]"
    assert notice_sensor.notice_sensor().default_status == dg.DefaultSensorStatus.STOPPED
    assert mail.received == []


def test_the_sensor_is_on_where_somebody_is_named(platform: Platform) -> None:
    platform.configure()
    assert notice_sensor.notice_sensor().default_status == dg.DefaultSensorStatus.RUNNING


def test_what_cannot_be_delivered_is_sent_later_in_order_after_a_pause(platform: Platform, mail: MailServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("event_platform.alerts.channels.FIRST_PAUSE_SECONDS", 0)
    platform.configure()
    wanted, told = read(environment.read().alerts), list[str]()
    mail.stop()
    state = deliver(take_in(State({}, {}), {"a": "a fails"}, wanted, NOON), wanted, NOON, told.append)
    assert [each.attempt for each in state.waiting] == [1]
    assert "duty could not be told of 1 notices" in told[0]
    assert "hidden.person" not in told[0]
    mail.start()
    state = take_in(state, {"a": None, "b": "b fails"}, wanted, NOON + timedelta(seconds=1))
    state = State.read(deliver(state, wanted, NOON + timedelta(seconds=1), told.append).text)
    assert mail.received == [], "it is too early to try again, and nothing overtakes"
    state = deliver(state, wanted, NOON + timedelta(minutes=5), told.append)
    assert state.waiting == ()
    assert [text.split(",")[0].split(";")[0] for text in mail.texts[0].splitlines()] == ["a fails", "over: a fails", "b fails"]


def test_a_problem_that_comes_and_goes_is_told_once_within_the_cooldown(platform: Platform) -> None:
    platform.configure()
    wanted = read(environment.read().alerts)
    state, told = State({}, {}), list[int]()
    for minute, wrong in enumerate(["x"] + [None, "x"] * 15 + ["x"]):
        state = take_in(state, {"a": wrong}, wanted, NOON + timedelta(minutes=minute))
        told.append(len(state.waiting))
    assert told == [1] + [2] * 29 + [3, 3]


def test_nobody_is_disturbed_in_quiet_hours(platform: Platform, mail: MailServer) -> None:
    platform.configure(DUTY.replace("[operations]", 'quiet_from = "11:00"\nquiet_until = "13:00"\n\n[operations]'))
    wanted = read(environment.read().alerts)
    state = deliver(take_in(State({}, {}), {"a": "a fails"}, wanted, NOON), wanted, NOON, print)
    assert (len(state.waiting), mail.received) == (1, [])
    assert deliver(state, wanted, NOON + timedelta(hours=1), print).waiting == ()
    assert mail.titles == ["a fails"]


def test_what_nobody_took_for_long_enough_is_given_up_and_so_is_who_is_gone(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DUTY_URL", raising=False)
    platform.configure()
    wanted, told = read(environment.read().alerts), list[str]()
    old = Waiting("duty", "a fails", NOON, NOON - timedelta(hours=25))
    gone = Waiting("nobody", "a fails", NOON, NOON)
    assert deliver(State({}, {}, (old, gone)), wanted, NOON, told.append).waiting == ()
    assert ("DUTY_URL" in told[0], "no recipient nobody" in told[1]) == (True, True)


def test_the_example_of_the_docs_can_be_used(platform: Platform) -> None:
    docs = (environment.CHECKOUT / "docs" / "monitoring.md").read_text()
    platform.configure(docs.partition("```toml\n")[2].partition("```")[0])
    operations = read(environment.read().alerts).operations
    assert operations
    assert operations.recipients == ("duty",)
