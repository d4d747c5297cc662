"""DuckDB without a platform: the ten lines a good engineer would write; arg_max instead of row_number takes half as long again."""

from pathlib import Path


def work(files: Path, result: Path) -> None:
    """Read, keep, write, in one statement."""
    import duckdb

    duckdb.execute(f"""
        COPY (
            SELECT * EXCLUDE line, domain || '-' || event_type AS kind, year(timestamp) AS year, month(timestamp) AS month, day(timestamp) AS day
            FROM (
                SELECT *, row_number() OVER () AS line
                FROM read_json('{files}/*.json', format = 'newline_delimited', columns = {{
                    event_id: 'VARCHAR', timestamp: 'TIMESTAMP', domain: 'VARCHAR', event_type: 'VARCHAR', data: 'JSON'}})
            )
            QUALIFY row_number() OVER (PARTITION BY event_id ORDER BY timestamp DESC, line DESC) = 1
        ) TO '{result}' (FORMAT parquet, PARTITION_BY (kind, year, month, day))""")
