"""A configuration that cannot be used is refused in one paragraph that names the key; the example of the docs can be used."""

import re
from pathlib import Path

import pytest

from event_platform import environment
from event_platform.alerts.configuration import read
from event_platform.errors import ConfigurationError
from event_platform_tests.alerts.conftest import GALE


@pytest.mark.parametrize(
    ("wrong", "right", "named"),
    [
        ("above = 20", "above = ", "line 8"),
        ("above = 20", "above = 'high'", "`rules[1].above`"),
        ("above = 20", "above = nan", "`rules[1].above`"),
        ("above = 20", "abvoe = 20", "`rules[1].abvoe` is no setting"),
        ("above = 20", "above = 20\nbelow = 3", "`rules[1]` must have one of above and below"),
        ("above = 20\nclear = 15", "", "`rules[1]` must have one of above and below"),
        ("clear = 15", "clear = 21", "`rules[1]` has a clear level that is itself a breach"),
        ("wind_gust_m_per_s", "wind_gust", "`rules[1].column` is no numeric column of trusted.weather; those are"),
        ("wind_gust_m_per_s", "place", "`rules[1].column`"),
        ("cooldown_minutes = 30", "cooldown_minutes = -1", "`rules[1].cooldown_minutes`"),
        ('recipients = ["duty"]', "recipients = []", "`rules[1].recipients`"),
        ('recipients = ["duty"]', "", "`rules[1].recipients` is missing"),
        ('recipients = ["duty"]', 'recipients = ["dutty"]', "recipients.dutty, whom the rule 'gale' names"),
        ('name = "gale"', 'name = "gale"\nplaces = []', "`rules[1].places`"),
        ('address_from = "DUTY_URL"', "", "`recipients.duty.address_from` is missing"),
        ('address_from = "DUTY_URL"', 'address_from = "DUTY_URL"\ntime_zone = "Oslo"', "`recipients.duty.time_zone` is no time zone"),
        ('address_from = "DUTY_URL"', 'address_from = "DUTY_URL"\nquiet_from = "22:00"', "`recipients.duty` has one of quiet_from"),
        ('address_from = "DUTY_URL"', 'address_from = "DUTY_URL"\ndeliver_at = ["7:00"]', "`recipients.duty.deliver_at[1]` is no time"),
        ('address_from = "DUTY_URL"', 'address_from = "DUTY_URL"\nchannel = "pigeon"', "`recipients.duty.channel`"),
        ("[recipients.duty]", "max_age_minutes = 0\n[recipients.duty]", "`max_age_minutes`"),
    ],
)
def test_the_key_at_fault_is_named(wrong: str, right: str, named: str, tmp_path: Path) -> None:
    assert wrong in GALE
    file = tmp_path / "alerts.toml"
    file.write_text(GALE.replace(wrong, right))
    with pytest.raises(ConfigurationError) as caught:
        read(file)
    assert named in str(caught.value)
    assert str(file) in str(caught.value)


def test_an_address_written_where_a_variable_is_to_be_named_is_not_repeated(tmp_path: Path) -> None:
    file = tmp_path / "alerts.toml"
    file.write_text(GALE.replace("DUTY_URL", "mailto://me:hunter2@example.com"))
    with pytest.raises(ConfigurationError) as caught:
        read(file)
    assert "`recipients.duty.address_from`" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_two_rules_of_one_name_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "alerts.toml"
    file.write_text(GALE + GALE[GALE.index("[[rules]]") :])
    with pytest.raises(ConfigurationError, match="two rules named gale"):
        read(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.toml cannot be read"):
        read(tmp_path / "nowhere.toml")


def test_the_example_of_the_docs_can_be_used(tmp_path: Path) -> None:
    page = (environment.CHECKOUT / "docs" / "feeds" / "weather.md").read_text()
    (example,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    (tmp_path / "alerts.toml").write_text(example)
    assert len(read(tmp_path / "alerts.toml").rules) > 1
