"""Lakes that earlier layouts left behind are read, gain their new columns without a file being rewritten, and go on as if made today.

`first.tar.xz` and `second.tar.xz` are lakes that the code of the first (dc604e4) and of the second (1a3b577) milestone wrote, moved to /lake
(`relocating.py`): `land` and `run` of monday.json, then of tuesday.json.gz and again.json (the bytes of monday.json), and in the second of a sample
of the storefront. In the first, columns of which a file has no value have no type in Parquet; neither has columns for messages of topics, for
erased records, or a number of its layout.
"""

import gzip
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from event_platform import sources
from event_platform.aggregate import aggregates_of
from event_platform.cli import app
from event_platform_tests.pipeline import Pipeline, line
from event_platform_tests.upgrade.relocating import unpacked

HERE = Path(__file__).parent
ADA = "ada@example.com"


@pytest.fixture(params=["first", "second"])
def payments(home: Path, request: pytest.FixtureRequest) -> Pipeline:
    """The payments of a lake that an earlier layout left."""
    unpacked(HERE / f"{request.param}.tar.xz", home)
    return Pipeline()


def data_files(home: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in (home / "lake").rglob("data/**/*.parquet")}


def rows(pipeline: Pipeline) -> dict[str, list[tuple[object, ...]]]:
    """All that does not tell when and under which number a file landed."""
    found = {"trusted": pipeline.sql(f"SELECT * EXCLUDE (landing_date, landing_file, file_id) FROM trusted.{pipeline.source.name} ORDER BY ALL")}
    return found | {each.table.name: pipeline.sql(f"SELECT * FROM {each.table.name} ORDER BY ALL") for each in aggregates_of(pipeline.source)}


def event_ids(pipeline: Pipeline) -> list[str]:
    return [str(event_id) for (event_id,) in pipeline.sql("SELECT event_id FROM trusted.payments ORDER BY 1")]


def test_what_an_earlier_layout_wrote_is_read_and_no_file_is_rewritten(home: Path, payments: Pipeline) -> None:
    before = data_files(home)
    found = payments.status()
    assert (found.balanced, found.total.landed, found.total.staged, found.total.quarantined, found.total.trusted) == (True, 6, 5, 1, 4)
    assert payments.sql("SELECT event_id, event_date::VARCHAR FROM trusted.payments ORDER BY 1") == [
        ("a", "2026-03-02"),
        ("b", "2026-03-01"),
        ("c", "2026-03-01"),
        ("d", "2026-03-02"),
    ]
    assert payments.sql("SELECT DISTINCT kafka_topic, repeated_lines, received_sha256 FROM landing.payments") == [(None, None, None)]
    assert payments.sql("SELECT line, kafka_offset FROM quarantine.payments") == [("torn", None)]
    assert payments.run() == []
    assert data_files(home) == before


@pytest.mark.parametrize(("archive", "source"), [("first", "payments"), ("second", "payments"), ("second", "storefront")])
def test_new_files_give_what_a_lake_made_today_has(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, archive: str, source: str) -> None:
    unpacked(HERE / f"{archive}.tar.xz", home)
    pipeline = Pipeline(sources.get(source))
    landed = {path.name.partition("-")[2]: path.read_bytes() for path in (home / "lake" / "landing" / source / "processed").glob("date=*/*")}
    later = {"later.json": _later(source, landed), f"copy-of-{min(landed)}": landed[min(landed)]}
    for name, content in later.items():
        pipeline.drop(name, content)
    pipeline.run_well()
    assert pipeline.status().balanced
    (repeated,) = pipeline.sql(f"SELECT duplicate_of IS NOT NULL FROM landing.{source} WHERE original_name LIKE 'copy-of-%'")
    assert repeated == (True,)
    upgraded = rows(pipeline)
    monkeypatch.setenv("EVENT_PLATFORM_HOME", str(tmp_path / "of-today"))
    for name, content in (landed | later).items():
        pipeline.drop(name, content)
    pipeline.run_well()
    assert upgraded == rows(pipeline)
    assert all(upgraded.values())


def _later(source: str, landed: dict[str, bytes]) -> bytes:
    """A later version of an event that is there, on another date, and a new event."""
    if source == "payments":
        return f"{line('b', '2026-03-05T00:00:00')}\n{line('e')}\n".encode()
    known = json.loads(landed["storefront-1.json"].splitlines()[0])
    later = [known | {"event_timestamp": "2026-01-04 00:10:00.000000"}, known | {"event_id": "e", "event_timestamp": "2026-01-04 00:20:00.000000"}]
    return "".join(f"{json.dumps(each)}\n" for each in later).encode()


@pytest.mark.parametrize(
    "command",
    [
        ["reprocess", "payments"],
        ["backfill", "trusted.payments", "--from", "2026-03-01", "--to", "2026-03-02"],
        ["maintain", "--snapshots-days", "0"],
        ["doctor"],
        ["status", "payments", "--check"],
    ],
    ids=lambda command: command[0],
)
def test_every_kind_of_work_goes_on_and_changes_no_row(payments: Pipeline, command: list[str]) -> None:
    before = rows(payments)
    ended = CliRunner().invoke(app, command)
    assert ended.exit_code == 0, (ended.output, ended.exception)
    assert rows(payments) == before
    assert payments.status().balanced


def test_a_person_is_erased(home: Path, payments: Pipeline) -> None:
    ended = CliRunner().invoke(app, ["erase", "--subject", f"email={ADA}"])
    assert ended.exit_code == 0, (ended.output, ended.exception)
    assert event_ids(payments) == ["b", "c", "d"]
    assert payments.status().balanced
    (packed,) = (home / "lake" / "landing").rglob("*.json.gz")
    assert ADA.encode() not in gzip.decompress(packed.read_bytes())
