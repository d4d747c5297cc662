"""The catalogue: which tables there are, made on first use, and the locks of their writers.

The embedded catalogue is a SQLite file in the lake, named `lake`; any Iceberg reader that is given the file sees the tables.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from event_platform.errors import PermanentError, TransientError
from event_platform.lake.faults import explained
from event_platform.lake.schema import changed_types, iceberg_schema, iceberg_spec
from event_platform.lake.storage import is_remote, storage
from event_platform.lake.table import LakeTable

if TYPE_CHECKING:
    from pyiceberg.catalog.sql import SqlCatalog
    from pyiceberg.table import Table as IcebergTable

    from event_platform.environment import Environment
    from event_platform.lake.schema import Table

CATALOG = "lake"
BUSY_SECONDS = 60
"""How long SQLite waits for another program that holds the catalogue's file."""

LOCK_TIMEOUT_SECONDS = 3600.0
"""How long a writer waits for another writer of the same table; as long as the longest step may take."""

PROPERTIES = {
    "commit.manifest-merge.enabled": "true",
    "commit.manifest.min-count-to-merge": "20",
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "20",
    "write.parquet.compression-codec": "zstd",
}


class Lake:
    """The tables of one home."""

    def __init__(self, environment: Environment) -> None:
        """Nothing is opened yet; the catalogue file appears with the first table."""
        self.environment = environment
        self.statements: dict[str, str] = {}

    @cached_property
    def catalog(self) -> SqlCatalog:
        """The pyiceberg catalogue `lake` in `lake/catalog.db`."""
        from pyiceberg.catalog.sql import SqlCatalog
        from sqlalchemy import URL

        uri = URL.create("sqlite", database=str(self.environment.lake / "catalog.db"), query={"timeout": str(BUSY_SECONDS)})
        self.environment.lake.mkdir(parents=True, exist_ok=True)
        with self.writing("catalog"):
            return SqlCatalog(CATALOG, uri=uri.render_as_string(hide_password=False), warehouse=self.location, **self._file_io)

    @property
    def location(self) -> str:
        """The folder, or the URL, under which the tables are."""
        return self.environment.lake_url or str(self.environment.lake)

    @property
    def _file_io(self) -> dict[str, str]:
        if not is_remote(self.location):
            return {}
        from event_platform.lake.file_io import properties

        return properties(self.environment)

    def open(self, table: Table) -> LakeTable:
        """The table, created if it is not there yet and given the columns that its declaration has gained; no file is rewritten.

        Raises PermanentError when a column has changed its type.
        """
        with explained(table.name):
            loaded = self._loaded_or_created(table)
        if changed := changed_types(table, loaded.schema()):
            raise PermanentError(
                f"{table.name} cannot be used as declared: {'; '.join(changed)}. Values of another type go into a column of another name; "
                "`event-platform reprocess` then fills it from the archive."
            )
        if not set(table.column_names) <= set(loaded.schema().column_names):
            with explained(table.name):
                loaded = self._widen(table)
        return LakeTable(table, loaded, storage(self.environment, loaded.location()), self.statements)

    def _loaded_or_created(self, table: Table) -> IcebergTable:
        from pyiceberg.exceptions import NoSuchTableError

        try:
            return self.catalog.load_table(table.name)
        except NoSuchTableError:
            return self._create(table)

    def _widen(self, table: Table) -> IcebergTable:
        with self.writing(f"columns of {table.name}"):
            loaded = self.catalog.load_table(table.name)
            with loaded.update_schema() as update:
                update.union_by_name(iceberg_schema(table))
            return loaded

    def exists(self, table: Table) -> bool:
        """Whether anything was ever written to the table; creates nothing."""
        with explained(table.name):
            return (self.environment.lake / "catalog.db").exists() and self.catalog.table_exists(table.name)

    def _create(self, table: Table) -> IcebergTable:
        schema = iceberg_schema(table)
        self.catalog.create_namespace_if_not_exists(table.layer)
        return self.catalog.create_table_if_not_exists(
            table.name,
            schema,
            location=f"{self.location}/{table.layer}/{table.short_name}",
            partition_spec=iceberg_spec(table, schema),
            properties={**PROPERTIES, "comment": table.description},
        )

    @contextmanager
    def writing(self, name: str) -> Iterator[None]:
        """Hold the lock of one writer; it is released by the system when the process dies.

        Raises TransientError after an hour of waiting for another writer.
        """
        folder = self.environment.home / "locks"
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(folder / f"{name}.lock", timeout=LOCK_TIMEOUT_SECONDS):
                yield
        except Timeout as error:
            message = f"{name} is being written by another process for over an hour. See `event-platform doctor` for who; then run again."
            raise TransientError(message) from error
