"""The tables of a lake, made on first use, and the locks of their writers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from event_platform.errors import PermanentError
from event_platform.lake import catalogues, locks
from event_platform.lake.faults import explained
from event_platform.lake.layout import LAYOUT, PROPERTY, require_known_layout
from event_platform.lake.schema import changed_types, iceberg_schema, iceberg_spec
from event_platform.lake.storage import FILE, is_remote, storage
from event_platform.lake.table import LakeTable

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog
    from pyiceberg.table import Table as IcebergTable

    from event_platform.environment import Environment
    from event_platform.lake.schema import Table

PROPERTIES = {
    PROPERTY: str(LAYOUT),
    "commit.retry.num-retries": "0",  # a commit answers what its tables said when they were opened; if they say more now, the step starts anew
    "commit.manifest-merge.enabled": "true",
    "commit.manifest.min-count-to-merge": "20",
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "20",
    "write.parquet.compression-codec": "zstd",
}


class Lake:
    """The tables of one home."""

    def __init__(self, environment: Environment, in_place: bool = False) -> None:
        """Nothing is opened yet; the catalogue file appears with the first table.

        `in_place`: tables are for an engine that reads objects where they are. The ledger is not; this process alone reads it.
        """
        self.environment, self.in_place = environment, in_place
        self.statements: dict[str, str] = {}

    @property
    def here(self) -> Lake:
        """The same for DuckDB in this process."""
        return Lake(self.environment)

    @cached_property
    def catalog(self) -> Catalog:
        """The pyiceberg catalogue `lake`."""
        self.environment.lake.mkdir(parents=True, exist_ok=True)
        with self.writing("catalog"):
            return catalogues.connect(self.environment, {"warehouse": self.location, **self._file_io})

    @property
    def location(self) -> str:
        """Under which the tables are: a URL, or a folder where nobody else is told of them."""
        folder = str(self.environment.lake)
        return self.environment.lake_url or (folder if catalogues.is_embedded(self.environment) else f"{FILE}{folder}")

    @property
    def _file_io(self) -> dict[str, str]:
        if not is_remote(self.location):
            return {"py-io-impl": "pyiceberg.io.fsspec.FsspecFileIO"}  # pyarrow's would load pandas
        from event_platform.lake.file_io import properties

        return properties(self.environment)

    def open(self, table: Table) -> LakeTable:
        """The table, created if it is not there yet and given the columns that its declaration has gained; no file is rewritten.

        Raises PermanentError when a column has changed its type, or the layout is one that only a newer platform knows.
        """
        with explained(table.name):
            loaded = self._loaded_or_created(table)
        require_known_layout(table.name, loaded.properties)
        if changed := changed_types(table, loaded.schema()):
            raise PermanentError(
                f"{table.name} cannot be used as declared: {'; '.join(changed)}. Values of another type go into a column of another name; "
                "`event-platform reprocess` then fills it from the archive."
            )
        if not set(table.column_names) <= set(loaded.schema().column_names):
            with explained(table.name):
                loaded = self._widen(table)
        in_place = self.in_place and is_remote(loaded.location()) and table.layer != "landing"
        return LakeTable(table, loaded, storage(self.environment, loaded.location()), self.statements, in_place)

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
            return self._has_catalogue and self.catalog.table_exists(table.name)

    @property
    def _has_catalogue(self) -> bool:
        return not catalogues.is_embedded(self.environment) or (self.environment.lake / "catalog.db").exists()

    def peek(self, table: Table) -> LakeTable | None:
        """The table as it is, for who only looks: None if there is none, and it is neither created nor given columns. Raises as `open`."""
        from pyiceberg.exceptions import NoSuchTableError

        with explained(table.name):
            if not self._has_catalogue:
                return None
            try:
                loaded = self.catalog.load_table(table.name)
            except NoSuchTableError:
                return None
        require_known_layout(table.name, loaded.properties)
        return LakeTable(table, loaded, storage(self.environment, loaded.location()), self.statements)

    def _create(self, table: Table) -> IcebergTable:
        schema, catalog = iceberg_schema(table), self.catalog
        with self.writing("catalog"):
            catalog.create_namespace_if_not_exists(table.layer)
            return catalog.create_table_if_not_exists(
                table.name,
                schema,
                location=f"{self.location}/{table.layer}/{table.short_name}",
                partition_spec=iceberg_spec(table, schema),
                properties={**PROPERTIES, "comment": table.description},
            )

    @property
    def locks_every_writer(self) -> bool:
        """Whether `writing` keeps out the writers of other machines too, where there are any."""
        return catalogues.is_embedded(self.environment) or catalogues.postgres_url(self.environment) is not None

    @contextmanager
    def writing(self, name: str) -> Iterator[None]:
        """Hold the lock of one writer: among the homes that share the lake's folder, and where the catalogue is in PostgreSQL, among all.

        It is released when the process dies. Raises TransientError after an hour of waiting for another writer. Without a lock between machines
        the commit itself tells who was second (ConflictError).
        """
        with locks.of_postgres(catalogues.postgres_url(self.environment), name), locks.of_home(self.environment.locks, name):
            yield
