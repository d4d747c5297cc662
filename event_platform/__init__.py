"""Event files in, deduplicated, partitioned, catalogued Iceberg tables out, on one Dagster asset graph."""
