"""Aggregates: each module here that defines `AGGREGATE` is one table; every answer equals recomputing it from trusted."""

import importlib
import pkgutil
from functools import cache

from event_platform.aggregate.daily import Aggregate


@cache
def all_aggregates() -> tuple[Aggregate, ...]:
    """The aggregates of this folder, by module name."""
    modules = (importlib.import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__))
    return tuple(module.AGGREGATE for module in modules if isinstance(getattr(module, "AGGREGATE", None), Aggregate))
