"""What runs the SQL: DuckDB with bounded memory, or Spark with DuckDB in its executors; the same SQL gives the same rows."""
