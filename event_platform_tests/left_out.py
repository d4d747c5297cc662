"""At the end of a test run: which tests were left out, and what runs them."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest

from infra import java

MEANINGS = {
    "long": "take minutes: make test-long",
    "java": "need Java 17: make test-all",
    "terraform": "need Terraform: make test-all",
    "server": "start a server: make test-all",
    "slow": "take minutes together, though they need nothing: make test-all",
}
SLOW = (
    "alerts/",
    "erasure/",
    "lake/test_catalogues.py",
    "landing/test_topic_files.py",
    "monitoring/",
    "orchestration/test_load_sensor.py",
    "pulls/",
    "realtime/",
    "serving/explore/",
    "serving/redshift/",
    "test_nothing_personal",
    "test_own_feeds.py",
    "test_retention",
    "test_wheel.py",
    "upgrade/",
)
"""Where tests begin that `make test` leaves out, to be done within ten minutes on two cores."""
NO_JAVA = "need Java 17, which is not on this machine: install it or set JAVA_HOME"
NO_TERRAFORM = "need Terraform, which is not on this machine: install it"
_count: Counter[str] = Counter()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is slow. Where there is no Java or no Terraform, tests that need it are skipped, and counted."""
    for item in items:
        if _file(item).startswith(SLOW):
            item.add_marker("slow")
    missing = {"java": NO_JAVA} if java.home(17, 24) is None else {}
    if shutil.which("terraform") is None:
        missing["terraform"] = NO_TERRAFORM
    for item in items:
        for mark, why in missing.items():
            if item.get_closest_marker(mark):
                item.add_marker(pytest.mark.skip(reason=why))
                _count[f"{why}|{_file(item)}"] += 1


def pytest_deselected(items: Iterable[pytest.Item]) -> None:
    """Count what `-m` leaves out, by the first of the marks above; not what somebody chose to leave out by name."""
    for item in items:
        mark = next((name for name in MEANINGS if item.get_closest_marker(name)), None)
        if mark and item.config.option.markexpr and not item.config.option.keyword:
            _count[f"{MEANINGS[mark]}|{_file(item)}"] += 1


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of xdist hands its counts to the process that prints."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = dict(_count)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """All workers collect the same tests: one's counts are everyone's."""
    _count.update({key: number for key, number in getattr(node, "workeroutput", {}).get("left_out", {}).items() if key not in _count})


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line for each reason."""
    for why in dict.fromkeys(key.partition("|")[0] for key in _count):
        files = {key.partition("|")[2]: number for key, number in sorted(_count.items()) if key.startswith(f"{why}|")}
        listed = ", ".join(f"{name} ({number})" for name, number in files.items())
        terminalreporter.write_line(f"left out: {sum(files.values())} tests that {why}. They are in {listed}", yellow=True)


def _file(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0].removeprefix("event_platform_tests/")
