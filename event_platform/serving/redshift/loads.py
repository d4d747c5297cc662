"""Bring a table of the lake into Redshift: what is there, what changed, one transaction."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from event_platform.errors import ConfigurationError, PermanentError
from event_platform.serving.postgres.loads import find_table
from event_platform.serving.redshift import statements
from event_platform.serving.redshift.data_api import MOST_STATEMENTS, DataApi
from event_platform.serving.redshift.staged import delta, stage
from event_platform.serving.redshift.statements import LOADS, Relation, Step
from event_platform.wording import counted

if TYPE_CHECKING:
    import duckdb

    from event_platform.environment import Environment, Redshift
    from event_platform.lake.catalog import Lake


@dataclass(frozen=True)
class Loaded:
    """What a load brought: rows copied, files they came in, dates exchanged (None: the whole table); `changed` is False when nothing was to do."""

    name: str
    rows: int = 0
    files: int = 0
    dates: int | None = 0
    seconds: float = 0.0
    changed: bool = True

    def __str__(self) -> str:
        """For people."""
        if not self.changed:
            return f"{self.name}: Redshift has the current snapshot, nothing to do"
        how = "the whole table exchanged" if self.dates is None else f"{counted(self.dates, 'date')} exchanged"
        return f"{self.name}: {counted(self.rows, 'row')} of {counted(self.files, 'file')}, {how}, in {self.seconds:.1f} s"


def load(name: str, lake: Lake, duck: duckdb.DuckDBPyConnection) -> Loaded:
    """Bring what changed since the last load; all of it or nothing.

    Raises UsageError (no such table), ConfigurationError, PermanentError (rights, a table that is not ours, a value too long) and TransientError.
    """
    started, settings = time.monotonic(), lake.environment.redshift
    relation = Relation(*find_table(name))
    staging = _staging(settings)
    api = DataApi(settings)
    held = _prepare(api, relation)
    table = lake.open(relation.declared)
    if held == table.snapshot_id:
        return Loaded(relation.declared.name, changed=False)
    missing = delta(table, held)
    step = stage(table, duck, missing, held, staging, lake.environment.scratch)
    api.run(statements.take(relation, step, settings.role_arn, datetime.now(UTC)))
    dates = None if missing.stale is None else len(missing.stale)
    return Loaded(relation.declared.name, missing.rows, len(missing.files), dates, time.monotonic() - started)


def script(name: str, environment: Environment) -> str:
    """All SQL of a first load, and of reading the table in the lake from Redshift; asks nobody."""
    relation, settings = Relation(*find_table(name)), environment.redshift
    manifest = f"{settings.staging or 's3://BUCKET/PREFIX'}/{relation.declared.name}/SNAPSHOT-after-0.manifest"
    first = Step(0, 1, manifest, None)
    loading = statements.take(relation, first, settings.role_arn, datetime.now(UTC))
    parts = {
        "the table in the lake, once its layer is in the Glue catalogue": [statements.external_schema(relation.declared.layer, settings.role_arn)],
        "once": [*statements.remember_loads(), "BEGIN", *statements.create(relation), "COMMIT", *statements.comments(relation)],
        "a first load, one transaction; SNAPSHOT and the new snapshot_id are those of the lake": ["BEGIN", *loading, "COMMIT"],
    }
    return "\n\n".join(f"-- {title}\n" + "\n".join(f"{each};" for each in each_part) for title, each_part in parts.items()) + "\n"


def _staging(settings: Redshift) -> str:
    if settings.staging is None:
        raise ConfigurationError(
            "Redshift reads files from S3 only: set EVENT_PLATFORM_REDSHIFT_STAGING to a folder there, such as s3://bucket/prefix."
        )
    return settings.staging


def _prepare(api: DataApi, relation: Relation) -> int:
    """Have the table there with the declared columns; the id of the snapshot it holds, 0 for none."""
    api.run(statements.remember_loads())
    name, declared = relation.declared.name, relation.declared.column_names
    held = [snapshot for (snapshot,) in api.query(f"SELECT snapshot_id FROM {LOADS} WHERE relation = :relation", relation=name)]
    columns = _columns(api, relation)
    if columns and not held:
        raise PermanentError(f"{name} is in {api.name} already and was not made by event-platform. Rename or drop it there, then run again.")
    empty = not columns or not int(held[0])
    gained = [column for column in declared if column not in columns] if columns else []
    needed = [*(statements.create(relation) if empty else []), *statements.add_columns(relation, gained)]
    if needed:
        _run_all(api, [*needed, *statements.comments(relation)])
    return 0 if empty else int(held[0])


def _columns(api: DataApi, relation: Relation) -> set[str]:
    found = api.query(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = :layer AND table_name = :name",
        layer=relation.declared.layer,
        name=relation.declared.short_name,
    )
    return {str(column) for (column,) in found}


def _run_all(api: DataApi, all_statements: list[str]) -> None:
    """Statements that do no harm when only the first of them have run."""
    for first in range(0, len(all_statements), MOST_STATEMENTS):
        api.run(all_statements[first : first + MOST_STATEMENTS])
