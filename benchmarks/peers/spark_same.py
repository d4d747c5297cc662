"""Spark doing by hand what the platform does: the archive, the same five tables in Iceberg, and what their checks ask."""

from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers import LEVELS, spark

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

FIELDS = f"{spark.SCHEMA.replace('timestamp TIMESTAMP', 'timestamp STRING')}, broken STRING"
PARSED = f"""
    SELECT line, file_id, line_number, fields.* EXCEPT (timestamp), try_to_timestamp(fields.timestamp) AS timestamp
    FROM (SELECT *, from_json(line, '{FIELDS}', map('columnNameOfCorruptRecord', 'broken')) AS fields FROM lines)"""
IS_SOUND = "broken IS NULL AND event_id IS NOT NULL AND timestamp IS NOT NULL AND domain IS NOT NULL AND event_type IS NOT NULL"

STAGE = f"""
    SELECT event_id, timestamp, domain, event_type, data, to_date(timestamp) AS event_date, domain || '-' || event_type AS kind,
        file_id, line_number, current_date() AS landing_date
    FROM parsed WHERE {IS_SOUND}"""
QUARANTINE = f"SELECT line, file_id, line_number, current_date() AS landing_date FROM parsed WHERE NOT ({IS_SOUND})"
SEEN = "SELECT xxhash64(event_id) AS event_key, event_date FROM lake.stage"
TRUSTED = """
    SELECT * EXCEPT (rank), year(event_date) AS year, month(event_date) AS month, day(event_date) AS day
    FROM (
        SELECT *, row_number() OVER (PARTITION BY event_id ORDER BY timestamp DESC, file_id DESC, line_number DESC) AS rank FROM lake.stage
    ) WHERE rank = 1"""
DAILY = """
    SELECT event_date, kind, transaction_type, count(*) AS events, count(DISTINCT account) AS accounts, sum(amount) AS amount, max(amount) AS largest
    FROM (
        SELECT event_date, kind, get_json_object(data, '$.type') AS transaction_type,
            coalesce(
                get_json_object(data, '$.from.account_id'), get_json_object(data, '$.to.account_id'), get_json_object(data, '$.id')
            ) AS account,
            TRY_CAST(get_json_object(data, '$.amount') AS DECIMAL(20, 2)) AS amount
        FROM lake.trusted
    ) GROUP BY event_date, kind, transaction_type"""

TABLES = {
    "stage": (STAGE, ["landing_date"]),
    "quarantine": (QUARANTINE, ["landing_date"]),
    "seen": (SEEN, []),
    "trusted": (TRUSTED, LEVELS),
    "daily": (DAILY, ["event_date"]),
}
"""What each table holds and is parted by, in the order of writing."""

FAULTS = {
    "a line is neither staged nor in quarantine": """
        SELECT (SELECT count(*) FROM lake.stage) + (SELECT count(*) FROM lake.quarantine) <> (SELECT count(*) FROM lines)""",
    "a staged event is not trusted": "SELECT count(*) > 0 FROM lake.stage LEFT ANTI JOIN lake.trusted USING (event_id)",
    "an event id is there twice": "SELECT count(*) <> count(DISTINCT event_id) FROM lake.trusted",
    "an event lies where it does not belong": """
        SELECT count(*) > 0 FROM lake.trusted
        WHERE event_date <> to_date(timestamp) OR event_date <> make_date(year, month, day) OR kind <> domain || '-' || event_type""",
    "an event is not counted": "SELECT (SELECT sum(events) FROM lake.daily) <> (SELECT count(*) FROM lake.trusted)",
}


def work(files: Path, result: Path) -> None:
    """Archive, write one table after the other, check."""
    import infra

    _archive(files, result / "archive")
    iceberg = {
        "spark.jars": ",".join(map(str, infra.jars("spark").glob("*.jar"))),
        "spark.sql.catalog.lake": "org.apache.iceberg.spark.SparkCatalog",
        "spark.sql.catalog.lake.type": "hadoop",
        "spark.sql.catalog.lake.warehouse": str(result / "lake"),
    }
    with spark.session(iceberg) as session:
        _read(session, result / "archive")
        for name, (query, levels) in TABLES.items():
            parted = f"PARTITIONED BY ({', '.join(levels)})" if levels else ""
            session.sql(f"CREATE TABLE lake.{name} USING iceberg {parted} TBLPROPERTIES ('write.parquet.compression-codec' = 'zstd') AS {query}")
        for fault, question in FAULTS.items():
            if session.sql(question).first()[0]:
                raise AssertionError(fault)


def answer(result: Path) -> str:
    """The files of the one snapshot."""
    return f"SELECT * FROM read_parquet('{result}/lake/trusted/data/**/*.parquet', hive_partitioning = false)"


def _archive(files: Path, archive: Path) -> None:
    """Copies under their hash."""
    import hashlib
    import shutil

    archive.mkdir(parents=True)
    for file in sorted(files.iterdir()):
        with file.open("rb") as content:
            name = hashlib.file_digest(content, "sha256").hexdigest()
        shutil.copyfile(file, archive / f"{name}.json")


def _read(session: "SparkSession", archive: Path) -> None:
    """The views of lines and of what they say."""
    from pyspark.sql import functions as f

    lines = session.read.text(str(archive)).withColumnRenamed("value", "line")
    lines.withColumns({"file_id": f.xxhash64(f.input_file_name()), "line_number": f.monotonically_increasing_id()}).createTempView("lines")
    session.sql(PARSED).createTempView("parsed")
    session.catalog.cacheTable("parsed")  # two tables are made of it
