"""What Dagster asks: whether files wait, loads are due, the stream lives, people must be told, tables are right; and when tables are maintained."""
