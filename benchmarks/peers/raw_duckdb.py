"""The script a good engineer would write: read, keep the latest version per id, write partitioned Parquet."""

import sys

import duckdb

source, target = sys.argv[1:3]
duck = duckdb.connect()
duck.execute("SET TimeZone = 'UTC'")
duck.execute(f"""
    COPY (
        SELECT *, domain || '-' || event_type AS kind, year(timestamp) AS year, month(timestamp) AS month, day(timestamp) AS day
        FROM read_json('{source}/*.json', format = 'newline_delimited', columns = {{
            event_id: 'VARCHAR', timestamp: 'TIMESTAMP', domain: 'VARCHAR', event_type: 'VARCHAR', data: 'JSON'}}, filename = true)
        QUALIFY row_number() OVER (PARTITION BY event_id ORDER BY timestamp DESC, filename DESC) = 1
    ) TO '{target}' (FORMAT parquet, PARTITION_BY (kind, year, month, day), WRITE_PARTITION_COLUMNS true)""")
print(duck.execute(f"SELECT count(*) FROM read_parquet('{target}/**/*.parquet')").fetchall()[0][0])
