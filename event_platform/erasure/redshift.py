"""Tables that were loaded into Redshift: brought to what the lake holds now, rows that still name the person deleted, and given up on disk.

Files that were staged on S3 for loading are deleted too; the next load stages what it needs. Redshift's own views of past statements hold no
values, since these are passed as parameters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from event_platform.engines.spelling import identifier, literal
from event_platform.lake.objects import object_store
from event_platform.lake.storage import root
from event_platform.serving.postgres.loads import find_table
from event_platform.serving.redshift.data_api import DataApi
from event_platform.serving.redshift.loads import load
from event_platform.serving.redshift.statements import LOADS, Relation, remember_loads

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    import duckdb

    from event_platform.erasure.subject import Person
    from event_platform.lake.catalog import Lake


def load_again(
    lake: Lake, duck: duckdb.DuckDBPyConnection, names: Collection[str], person: Person, tell: Callable[[str], None]
) -> list[dict[str, Any]]:
    """Bring these tables of the lake, where Redshift has them, up to date without the person; rows that told of them before and after.

    Raises ConfigurationError, PermanentError and TransientError as loads do; the erasure then is not finished, and is taken up when given again.
    """
    settings = lake.environment.redshift
    if not (settings.workgroup or settings.cluster):
        return []
    api = DataApi(settings)
    api.run(remember_loads())
    loaded = {str(name) for (name,) in api.query(f"SELECT relation FROM {LOADS} ORDER BY relation")}
    done = []
    for name in sorted(loaded & set(names)):
        relation = Relation(*find_table(name))
        before = _rows(api, relation, person)
        load(name, lake, duck)
        _delete(api, relation, person)
        _forget_staged(settings.staging, name)
        tell(f"{api.name}: {name} loaded again")
        done.append({"server": "Redshift", "name": name, "rows_before": before, "rows_after": _rows(api, relation, person)})
    return done


def _rows(api: DataApi, relation: Relation, person: Person) -> int:
    condition = _tells(relation, person)
    if condition is None:
        return 0
    ((rows,),) = api.query(f"SELECT count(*) FROM {relation.sql} WHERE {condition}", subject=person.value)
    return int(rows)


def _delete(api: DataApi, relation: Relation, person: Person) -> None:
    condition = _tells(relation, person)
    if condition is not None and _rows(api, relation, person):
        api.execute(f"DELETE FROM {relation.sql} WHERE {condition}", subject=person.value)
    api.execute(f"VACUUM DELETE ONLY {relation.sql} TO 100 PERCENT")


def _tells(relation: Relation, person: Person) -> str | None:
    """Under which condition a row tells of the person, whose value is the parameter `subject`; None if no column can."""
    conditions = []
    for place in {place for source in person.sources for subject in source.subjects for place in subject.places}:
        column, *path = place.split(".")
        if column in relation.declared.column_names:
            text = f"CAST({identifier(column)} AS VARCHAR)"
            steps = "".join(f", {literal(step)}" for step in path)
            conditions.append(f"{f'json_extract_path_text({text}{steps}, true)' if path else text} = :subject")
    return " OR ".join(sorted(conditions)) or None


def _forget_staged(staging: str | None, name: str) -> None:
    if staging is not None:
        store = object_store(root(staging))
        store.delete([found.url for found in store.list(f"{staging.rstrip('/')}/{name}")])
