"""A test run says which tests it left out, and why."""

import subprocess
import sys

RUN = """
import sys
import infra.java
if sys.argv[1] == "without":
    infra.java.home = lambda least, most: None
import pytest
sys.exit(pytest.main([*sys.argv[2:], "-q", "-p", "no:cacheprovider"]))
"""


def told(java: str, *options: str) -> str:
    done = subprocess.run([sys.executable, "-c", RUN, java, *options], capture_output=True, text=True, check=False)
    return done.stdout


def test_what_a_mark_leaves_out() -> None:
    files = ("event_platform_tests/infra/test_seaweedfs.py", "event_platform_tests/infra/test_process.py")
    ended = told("with", *files, "-m", "not server")
    assert "left out: 2 tests that start a server: make test-all. They are in infra/test_seaweedfs.py (2)" in ended
    assert "4 passed, 2 deselected" in ended


def test_what_cannot_run_without_java() -> None:
    ended = told("without", "event_platform_tests/lake/test_catalogues.py", "-m", "java")
    assert "left out: 5 tests that need Java 17, which is not on this machine: install it or set JAVA_HOME." in ended
    assert "5 skipped" in ended


def test_what_takes_minutes_is_said_to_be_in_the_command_that_runs_it() -> None:
    ended = told("with", "event_platform_tests/serving/postgres/test_kills.py", "-m", "not long")
    assert "tests that take minutes: make test-long. They are in serving/postgres/test_kills.py" in ended
    assert "make test-all" not in ended, "they start servers too, and that command leaves them out"
