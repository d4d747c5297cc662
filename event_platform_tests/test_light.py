"""A command loads what it needs and no more: Dagster alone takes most of a second."""

import json
import subprocess
import sys

import pytest

PROGRAM = """
import json, sys
sys.argv = ["event-platform", *sys.argv[1:]]
from event_platform.cli import main
try:
    main()
finally:
    print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})), file=sys.stderr)
"""


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("arguments", "not_needed"),
    [
        (["--help"], {"dagster", "duckdb", "pyiceberg", "sqlalchemy", "pyarrow", "pandas", "pydantic"}),
        (["land", "payments", "."], {"dagster", "duckdb", "pyiceberg", "sqlalchemy", "pyarrow", "pandas"}),
        (["feeds"], {"dagster", "duckdb", "pyiceberg", "sqlalchemy", "pyarrow", "pandas"}),
        (["status"], {"dagster", "pyarrow", "pandas"}),
        (["sql", "FROM trusted.payments"], {"dagster", "pyarrow", "pandas"}),
        (["quarantine", "list", "payments"], {"dagster", "pyarrow", "pandas"}),
        (["run", "payments"], {"pyarrow", "pandas", "pyspark"}),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_what_a_command_does_not_load(arguments: list[str], not_needed: set[str], tmp_path: object) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, cwd=str(tmp_path), timeout=60)
    loaded = set(json.loads(done.stderr.splitlines()[-1]))
    assert "typer" in loaded, done.stderr
    assert loaded & not_needed == set()
