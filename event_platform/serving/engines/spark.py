"""Spark SQL with Iceberg's runtime, which reads the tables through their catalogue.

`EVENT_PLATFORM_SPARK_JARS` is a folder with the runtime and the catalogue's driver; without it they must be in Spark's own configuration.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from event_platform.engines.spark_errors import cannot_read, leave_telling_to_us
from event_platform.environment import require_java
from event_platform.errors import ConfigurationError, PermanentError, UsageError
from event_platform.lake import catalogues
from event_platform.lake.catalog import Lake

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession

    from event_platform.environment import Environment

PREFIX = f"spark.sql.catalog.{catalogues.CATALOG}"
TELLING = ("DESCRIBE", "DESC", "EXPLAIN", "SHOW")
"""What statements begin with that tell of tables and queries."""
IMPLEMENTATIONS = {
    "sql": {"type": "jdbc", "jdbc.schema-version": "V1"},
    "rest": {"type": "rest"},
    "hive": {"type": "hive"},
    "glue": {"type": "glue"},
}


def arrow(environment: Environment, statement: str) -> pa.Table:
    """The answer of one statement in Spark's SQL; times in UTC. Raises as `engines.arrow` says."""
    spark = session(environment)
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException

    try:
        _require_query(spark, statement)
        return spark.sql(statement).toArrow()
    except PySparkException as error:
        raise UsageError(f"Spark says: {str(error).partition('JVM stacktrace')[0].strip()}") from error
    except Py4JJavaError as error:
        raise PermanentError(f"Spark cannot run it: {_cause(error)}") from error


def _require_query(spark: SparkSession, statement: str) -> None:
    """Raise UsageError for a statement that does more than ask, told by Spark's own parser: a query may stand where a table does."""
    from pyspark.errors import ParseException

    parser = spark._jsparkSession.sessionState().sqlParser()
    parser.parsePlan(statement)
    if statement.split(maxsplit=1)[0].upper() in TELLING:
        return
    try:
        parser.parsePlan(f"SELECT * FROM (\n{statement}\n)")
    except ParseException as error:
        raise UsageError(f"Tables are only read here, and this statement is no query. It may also begin with {', '.join(TELLING)}.") from error


def session(environment: Environment) -> SparkSession:
    """A session of this process in which the lake is the default catalogue. Raises ConfigurationError without Spark, Java or the jars."""
    told = properties(environment)
    of_catalogue = {name: value for name, value in told.items() if name.startswith(f"{PREFIX}.")}
    begun = _started({name: told[name] for name in told.keys() - of_catalogue.keys()})
    for name, value in of_catalogue.items():  # after Java has started, for everybody sees the words that it was started with
        begun.conf.set(name, str(value))
    _require_s3a(begun, environment)
    _use_lake(begun)
    return begun


def _started(options: dict[str, bool | float | int | str | None]) -> SparkSession:
    try:
        from pyspark.errors import PySparkRuntimeError
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise ConfigurationError("Asking Spark needs the extra `spark`: `pip install 'event-platform[spark]'`.") from error
    require_java()
    leave_telling_to_us()
    try:
        return SparkSession.builder.appName("event-platform sql").config(map=options).getOrCreate()
    except PySparkRuntimeError as error:
        raise ConfigurationError(f"Spark cannot start ({error}). It needs Java 17; JAVA_HOME says where that is.") from error


def _use_lake(spark: SparkSession) -> None:
    try:
        spark.catalog.listCatalogs(catalogues.CATALOG)
        spark.sql(f"USE {catalogues.CATALOG}")
    except Exception as error:
        if "SparkCatalog" not in str(error):
            raise
        raise ConfigurationError("Spark lacks Iceberg's runtime; EVENT_PLATFORM_SPARK_JARS must name a folder with it.") from error


def _require_s3a(spark: SparkSession, environment: Environment) -> None:
    """Raise ConfigurationError where the lake is on S3 and nothing reads it."""
    is_s3 = (environment.lake_url or "").startswith("s3://")
    if is_s3 and not spark.conf.get(f"{PREFIX}.io-impl", None) and not spark.sparkContext._jsc.hadoopConfiguration().get("fs.s3.impl"):
        raise cannot_read("s3")


def properties(environment: Environment) -> dict[str, bool | float | int | str | None]:
    """Spark's properties for the lake; what else a catalogue needs, such as keys of S3, is given in `spark-defaults.conf`."""
    catalogue = {**IMPLEMENTATIONS[catalogues.kind(environment)], **_address(environment), "warehouse": Lake(environment).location}
    usual: dict[str, bool | float | int | str | None] = {
        "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.defaultCatalog": catalogues.CATALOG,
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        PREFIX: "org.apache.iceberg.spark.SparkCatalog",
        **{f"{PREFIX}.{name}": value for name, value in catalogue.items()},
    }
    jars = sorted(environment.spark_jars.glob("*.jar")) if environment.spark_jars else []
    return usual | ({"spark.jars": ",".join(map(str, jars))} if jars else {})


def _address(environment: Environment) -> dict[str, str]:
    """Where the catalogue is, as Java's drivers take it."""
    from sqlalchemy import make_url

    if environment.catalog is None:
        return {"uri": f"jdbc:sqlite:{environment.lake / 'catalog.db'}"}
    if catalogues.postgres_url(environment) is None:
        return {} if catalogues.kind(environment) == "glue" else {"uri": environment.catalog}
    url = make_url(environment.catalog)
    signed_in = {"jdbc.user": url.username, "jdbc.password": url.password}
    return {"uri": f"jdbc:postgresql://{url.host}:{url.port or 5432}/{url.database}"} | {name: text for name, text in signed_in.items() if text}


def _cause(error: Exception) -> str:
    lines = str(error).splitlines()
    return next((line for line in lines if line.startswith("Caused by:")), lines[1] if len(lines) > 1 else lines[0])
