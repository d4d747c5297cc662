"""Rows that another engine deleted without writing their files anew (merge-on-read) do not come back: such a table is refused in words."""

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyiceberg.conversions import to_bytes
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat, ManifestContent, ManifestWriterV2
from pyiceberg.table import Table as IcebergTable
from pyiceberg.types import StringType
from typer.testing import CliRunner

from event_platform import tables
from event_platform.cli import app
from event_platform.errors import PermanentError
from event_platform.lake.maintenance import compact
from event_platform.trusted.merge import merge_pending
from event_platform_tests.conftest import Event, LakeAtHand

REFUSED = r"stage.payments holds rows that another engine deleted .*system.rewrite_data_files\(table => 'stage.payments'"
FILE_PATH_ID, POSITION_ID = 2147483546, 2147483545
"""Fields of files of deleted positions, as the specification numbers them."""


def delete_position(table: IcebergTable, monkeypatch: pytest.MonkeyPatch) -> None:
    """Delete the first row of the table's first file as Trino does."""
    (data_file, *_) = [task.file for task in table.scan().plan_files()]
    fields = [("file_path", pa.string(), FILE_PATH_ID), ("pos", pa.int64(), POSITION_ID)]
    schema = pa.schema([pa.field(name, kind, nullable=False, metadata={"PARQUET:field_id": str(number)}) for name, kind, number in fields])
    bounds = {FILE_PATH_ID: to_bytes(StringType(), data_file.file_path)}
    _commit(table, monkeypatch, DataFileContent.POSITION_DELETES, data_file, pa.table([[data_file.file_path], [0]], schema=schema), bounds, None)


def delete_value(table: IcebergTable, monkeypatch: pytest.MonkeyPatch) -> None:
    """Delete the event `0` as Flink does."""
    (data_file, *_) = [task.file for task in table.scan().plan_files()]
    number = table.schema().find_field("event_id").field_id
    schema = pa.schema([pa.field("event_id", pa.string(), metadata={"PARQUET:field_id": str(number)})])
    _commit(table, monkeypatch, DataFileContent.EQUALITY_DELETES, data_file, pa.table([["0"]], schema=schema), None, [number])


def _commit(
    table: IcebergTable,
    monkeypatch: pytest.MonkeyPatch,
    content: DataFileContent,
    of: DataFile,
    rows: pa.Table,
    bounds: dict[int, bytes] | None,
    equality_ids: list[int] | None,
) -> None:
    path = Path(table.location()) / "data" / f"{uuid4()}-deletes.parquet"
    pq.write_table(rows, path)
    deletes = DataFile.from_args(
        content=content,
        file_path=str(path),
        file_format=FileFormat.PARQUET,
        partition=of.partition,
        record_count=len(rows),
        file_size_in_bytes=path.stat().st_size,
        lower_bounds=bounds,
        upper_bounds=bounds,
        equality_ids=equality_ids,
        spec_id=of.spec_id,
    )
    with monkeypatch.context() as patched:
        patched.setattr(ManifestWriterV2, "content", lambda _: ManifestContent.DELETES)
        with table.transaction() as transaction, transaction.update_snapshot().fast_append() as files:
            files.append_data_file(deletes)


@pytest.fixture
def staged(at_hand: LakeAtHand) -> LakeAtHand:
    """Files worth compacting."""
    for number in range(4):
        at_hand.stage([Event(str(number), "2026-03-01T12:00:00"), Event(f"{number}b", "2026-03-01T12:00:00")])
    return at_hand


def test_what_is_written_here_is_what_iceberg_reads_as_deleted(staged: LakeAtHand, monkeypatch: pytest.MonkeyPatch) -> None:
    table = staged.lake.open(tables.stage(staged.source)).iceberg
    delete_position(table, monkeypatch)
    assert table.scan().to_arrow().num_rows == 7


@pytest.mark.parametrize("delete", [delete_position, delete_value])
def test_nothing_that_was_deleted_elsewhere_is_read_merged_or_compacted(
    staged: LakeAtHand, monkeypatch: pytest.MonkeyPatch, delete: Callable[[IcebergTable, pytest.MonkeyPatch], None]
) -> None:
    table = staged.lake.open(tables.stage(staged.source))
    delete(table.iceberg, monkeypatch)
    table.refresh()
    snapshot_id = table.snapshot_id
    for work in (
        table.select,
        lambda: table.files_between(1, 9),
        lambda: table.files_at(snapshot_id),
        lambda: table.rows,
        lambda: compact(table, staged.duck, "test"),
        lambda: merge_pending(staged.lake, staged.source, staged.duck, "test"),
    ):
        with pytest.raises(PermanentError, match=REFUSED):
            work()
    table.refresh()
    assert table.snapshot_id == snapshot_id
    assert staged.rows("trusted") == []
    assert isinstance(CliRunner().invoke(app, ["sql", "FROM stage.payments"]).exception, PermanentError)
