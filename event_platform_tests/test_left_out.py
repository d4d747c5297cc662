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
