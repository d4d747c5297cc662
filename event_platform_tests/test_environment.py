"""Settings that cannot be used are refused before anything is touched."""

import pytest

from event_platform import environment
from event_platform.errors import ConfigurationError


@pytest.mark.parametrize("home", ["/tmp/a%20b", "/tmp/what?"])
def test_a_home_that_sqlite_would_misread_is_refused(monkeypatch: pytest.MonkeyPatch, home: str) -> None:
    monkeypatch.setenv("EVENT_PLATFORM_HOME", home)
    with pytest.raises(ConfigurationError, match="choose another"):
        environment.read()
