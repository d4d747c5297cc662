"""One number for all rows of a table, whatever engine reads it: each row as text, hashed, and the hashes added up."""

from event_platform.lake.schema import Table

TEXTS = {
    "duckdb": {
        "long": "CAST({} AS VARCHAR)",
        "boolean": "CAST({} AS VARCHAR)",
        "date": "CAST({} AS VARCHAR)",
        "double": "CAST(CAST(round({} * 1000) AS BIGINT) AS VARCHAR)",
        "timestamp": "CAST(epoch_us({}) AS VARCHAR)",
    },
    "trino": {
        "long": "CAST({} AS VARCHAR)",
        "boolean": "CAST({} AS VARCHAR)",
        "date": "CAST({} AS VARCHAR)",
        "double": "CAST(CAST(round({} * 1000) AS BIGINT) AS VARCHAR)",
        "timestamp": "CAST(CAST(round(to_unixtime({}) * 1000000) AS BIGINT) AS VARCHAR)",
    },
    "spark": {
        "long": "CAST({} AS STRING)",
        "boolean": "CAST({} AS STRING)",
        "date": "CAST({} AS STRING)",
        "double": "CAST(CAST(round({} * 1000) AS BIGINT) AS STRING)",
        "timestamp": "CAST(unix_micros({}) AS STRING)",
    },
}
"""A value as text, the same in each engine; text is text."""

NUMBERS = {
    "duckdb": "CAST(sum(('0x' || substr(md5({}), 1, 12))::BIGINT) AS VARCHAR)",
    "trino": "CAST(sum(CAST(from_base(substr(lower(to_hex(md5(to_utf8({})))), 1, 12), 16) AS DECIMAL(38, 0))) AS VARCHAR)",
    "spark": "CAST(sum(CAST(conv(substr(md5({}), 1, 12), 16, 10) AS DECIMAL(28, 0))) AS STRING)",
}
"""48 bits of a hash, added up."""


def count_and_checksum(table: Table, engine: str, relation: str | None = None) -> str:
    """A SELECT of the number of rows and of the checksum (as text)."""
    quoted = '"{}"' if engine != "spark" else "`{}`"
    texts = [TEXTS[engine].get(column.type, "{}").format(quoted.format(column.name)) for column in table.columns]
    row = " || '|' || ".join(f"coalesce({text}, 'nothing')" for text in texts)
    return f"SELECT count(*), {NUMBERS[engine].format(row)} FROM {relation or table.name}"
