"""Aggregates: each module here that defines `AGGREGATE` is one table; every answer equals recomputing it from trusted."""

import importlib
import pkgutil
from functools import cache

from event_platform.aggregate.daily import Aggregate
from event_platform.lake.schema import Table
from event_platform.sources import examples
from event_platform.sources.contract import Source


@cache
def all_aggregates() -> tuple[Aggregate, ...]:
    """The aggregates of this folder, of sources that are there, by module name, each after the one it is made from."""
    there = examples()
    names = (info.name for info in pkgutil.iter_modules(__path__) if info.name != "assets")  # which is Dagster's, and slow to load
    modules = (importlib.import_module(f"{__name__}.{name}") for name in names)
    found = (module.AGGREGATE for module in modules if isinstance(getattr(module, "AGGREGATE", None), Aggregate))
    return tuple(sorted((each for each in found if each.source.name in there), key=lambda aggregate: aggregate.generation))


def aggregates_of(source: Source) -> tuple[Aggregate, ...]:
    """The aggregates made from the source's trusted table, or from one of these."""
    return tuple(aggregate for aggregate in all_aggregates() if aggregate.source.name == source.name)


def aggregates_from(table: Table) -> tuple[Aggregate, ...]:
    """The aggregates made from just this table."""
    return tuple(aggregate for aggregate in all_aggregates() if aggregate.upstream.name == table.name)
