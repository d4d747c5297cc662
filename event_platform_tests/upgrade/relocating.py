"""Moving a lake to another folder: Iceberg's metadata name each file by its full path, also within Avro."""

import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path
from typing import Any

import fastavro

PACKED_AT = "/lake"
"""The folder in which the archived lakes say they are."""


def unpacked(archive: Path, home: Path) -> Path:
    """Unpack an archived lake into a home; give the lake's folder."""
    home.mkdir()
    with tarfile.open(archive) as packed:
        packed.extractall(home, filter="data")
    relocate(home / "lake", PACKED_AT, str(home / "lake"))
    return home / "lake"


def relocate(lake: Path, before: str, after: str) -> None:
    """Have a lake that lies in `lake` say of all its files that they are under `after` instead of `before`."""
    for path in sorted(lake.rglob("metadata/*.avro"), key=lambda path: path.name.startswith("snap-")):  # lists of manifests come after these
        _rewrite(path, lambda value: _moved(value, before, after))
    for path in lake.rglob("*.metadata.json"):
        path.write_text(path.read_text().replace(f'"{before}/', f'"{after}/'))
    with closing(sqlite3.connect(lake / "catalog.db")) as catalogue, catalogue:
        for column in ("metadata_location", "previous_metadata_location"):
            catalogue.execute(
                f"UPDATE iceberg_tables SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?",
                (after, len(before) + 1, len(before), before),
            )


def _moved(value: Any, before: str, after: str) -> Any:
    if isinstance(value, dict):
        return {key: _moved(each, before, after) for key, each in value.items()}
    return after + value.removeprefix(before) if isinstance(value, str) and value.startswith(f"{before}/") else value


def _rewrite(path: Path, change: Any) -> None:
    with path.open("rb") as file:
        reader = fastavro.reader(file)
        schema, metadata = reader.writer_schema, {key: text for key, text in reader.metadata.items() if not key.startswith("avro.")}
        records = [change(record) for record in reader]
    for record in records:
        if manifest := record.get("manifest_path"):
            record["manifest_length"] = Path(manifest).stat().st_size if Path(manifest).exists() else record["manifest_length"]
    with path.open("wb") as file:
        fastavro.writer(file, schema, records, codec="deflate", metadata=metadata)
