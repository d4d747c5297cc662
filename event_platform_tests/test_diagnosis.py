"""Variables that look like settings and are none: what `event-platform doctor` says of them."""

from pathlib import Path

import pytest

from event_platform import environment
from event_platform.diagnosis import diagnose

SECRET = "pass-51d2e8"
CONFIGURATIONS = {
    "alerts.toml": '[recipients.ada]\naddress_from = "EVENT_PLATFORM_ADDRESS_OF_ADA"',
    "collector.toml": '[keys.shop]\nsecret_from = "EVENT_PLATFORM_KEY_OF_SHOP"\ntopics = ["clickstream"]',
}


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("EVENT_PLATFORM_HOEM", "EVENT_PLATFORM_HOME"),
        ("EVENT_PLATFORM_SETTLE_SECOND", "EVENT_PLATFORM_SETTLE_SECONDS"),
        ("EVENT_PLATFORMLAKE", "EVENT_PLATFORM_LAKE"),
        ("EVENT_PLATFORM_KAFKA_SETT_ACKS", "EVENT_PLATFORM_KAFKA_SET_<OPTION>"),
        ("EVENT_PLATFORM_XYZ", None),
    ],
)
def test_a_misspelt_setting_is_known_by_the_nearest_name(monkeypatch: pytest.MonkeyPatch, name: str, meant: str | None) -> None:
    before = environment.unknown()
    monkeypatch.setenv(name, SECRET)
    assert environment.unknown() == before | {name: meant}


def test_doctor_tells_them_but_not_those_that_a_file_names(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOEM", "XYZ", "KAFKA_SET_ACKS", "ADDRESS_OF_ADA", "KEY_OF_SHOP"):
        monkeypatch.setenv(f"EVENT_PLATFORM_{name}", SECRET)
    home.mkdir()
    for name, text in CONFIGURATIONS.items():
        (home / name).write_text(text)
    findings = diagnose()
    found = {finding.what: finding.way_out for finding in findings if "which is no setting" in finding.what and not finding.ok}
    assert list(found) == [f"EVENT_PLATFORM_{name} is set, which is no setting" for name in ("HOEM", "XYZ")]
    assert ["EVENT_PLATFORM_HOME" in way_out for way_out in found.values()] == [True, False]
    assert SECRET not in str(findings)
