"""`[serving, <table>]`: one asset per configured load, downstream of the table it loads; materializing it does the load, or its next chunk."""

import dagster as dg

from event_platform.serving.postgres.loads import Load, Loaded, perform
from event_platform.serving.postgres.progress import Mode
from event_platform.step import step


def key_of(load: Load) -> dg.AssetKey:
    """The asset's key: a name such as `trusted.census` gives [serving, trusted, census]."""
    return dg.AssetKey(["serving", *load.name.split(".")])


def load_asset(load: Load) -> dg.AssetsDefinition:
    """The asset of one load; it has no partitions, since the target is one table."""
    how = "whole, swapped in one transaction" if load.mode is Mode.bulk else f"in chunks of {load.records:,} records, each once"

    @dg.asset(
        key=key_of(load),
        deps=[[load.table.layer, load.table.short_name]],
        description=f"{load.table.description} In PostgreSQL as {load.name}, {how}.",
        kinds={"postgres"},
        group_name="serving",
    )
    def loaded(context: dg.AssetExecutionContext) -> None:
        with step(context) as work:
            context.add_output_metadata(facts(perform(load, work.lake, work.duck)))

    return loaded


def facts(loaded: Loaded) -> dict[str, int | float]:
    """What a load brought, for the UI."""
    return {"rows": loaded.rows, "corrected": loaded.corrected, "seconds": round(loaded.seconds, 3)}
