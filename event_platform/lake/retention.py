"""How long things are kept unless `event-platform maintain` is told otherwise. Stage's retention is in each contract."""

KEEP_SNAPSHOTS_DAYS = 7.0
"""A query that began on an older snapshot, or a look back in time, works this long."""

KEEP_RUN_LOGS_DAYS = 30.0
"""What runs logged; which partitions were materialized and checked is kept for ever."""
