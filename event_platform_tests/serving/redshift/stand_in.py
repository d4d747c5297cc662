"""The Redshift Data API over HTTP, as botocore speaks it, with a real PostgreSQL behind it.

It runs the statements that the two dialects share as they are. It leaves out how rows are spread and sorted, and does COPY by hand: the
manifest and the Parquet files are read from S3, columns matched by position, as Redshift says it does. It proves nothing about Redshift itself.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import duckdb
import pytest

psycopg = pytest.importorskip("psycopg")

ONLY_REDSHIFT = re.compile(r" DISTSTYLE (?:AUTO|EVEN|KEY DISTKEY \([^)]*\))(?: SORTKEY \([^)]*\))?$")
COPY = re.compile(r"COPY (\S+) FROM '([^']+)' IAM_ROLE (?:default|'[^']+') FORMAT PARQUET MANIFEST")
VACUUM = re.compile(r"VACUUM DELETE ONLY (\S+) TO 100 PERCENT")
WITHIN_JSON = re.compile(r"json_extract_path_text\((CAST\(\S+ AS VARCHAR\))((?:, '[^']*')+), true\)")
NOT_YET = ("SUBMITTED", "STARTED")


@dataclass
class StandIn:
    """Statements handed in, and how each ended. `refusal` is an error of the service itself, to be answered to whatever is asked."""

    url: str
    requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    answers: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    rows: dict[str, list[list[dict[str, Any]]]] = field(default_factory=dict)
    refusal: str | None = None

    @property
    def batches(self) -> list[list[str]]:
        return [request["Sqls"] for operation, request in self.requests if operation == "BatchExecuteStatement"]

    def answer(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        self.requests.append((operation, request))
        if operation == "DescribeStatement":
            answers = self.answers[request["Id"]]
            return answers.pop(0) if len(answers) > 1 else answers[0]
        if operation == "GetStatementResult":
            return {"Records": self.rows[request["Id"]]}
        statement = str(uuid4())
        self.answers[statement] = [{"Id": statement, "Status": status} for status in NOT_YET]
        self.answers[statement].append({"Id": statement} | self._run(statement, request))
        return {"Id": statement}

    def _run(self, statement: str, request: dict[str, Any]) -> dict[str, Any]:
        parameters = {each["name"]: each["value"] for each in request.get("Parameters", [])}
        try:
            with psycopg.connect(self.url, autocommit=VACUUM.fullmatch(request.get("Sql", "")) is not None) as connection:
                for sql in request.get("Sqls") or [request["Sql"]]:
                    self.rows[statement] = execute(connection, sql, parameters)
        except psycopg.Error as error:
            return {"Status": "FAILED", "Error": f"ERROR: {error}"}
        return {"Status": "FINISHED"}


def execute(connection: Any, sql: str, parameters: dict[str, str]) -> list[list[dict[str, Any]]]:
    if found := COPY.fullmatch(sql):
        copy(connection, *found.groups())
        return []
    sql = VACUUM.sub(r"VACUUM \1", WITHIN_JSON.sub(r"json_extract_path_text(\1::json\2)", ONLY_REDSHIFT.sub("", sql)))
    cursor = connection.execute(re.sub(r"(?<!:):([a-z]+)", r"%(\1)s", sql), parameters) if parameters else connection.execute(sql)
    return [[record(value) for value in row] for row in cursor.fetchall()] if cursor.description else []


def record(value: object) -> dict[str, Any]:
    if value is None:
        return {"isNull": True}
    return {"longValue": value} if isinstance(value, int) else {"stringValue": str(value)}


def copy(connection: Any, table: str, manifest: str) -> None:
    """Each file of the manifest into the table, by position; as with Redshift, one that is not there or has another size fails the statement."""
    import boto3

    s3 = boto3.client("s3")
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as duck:
        duck.execute("SET TimeZone = 'UTC'")
        for entry in json.loads(get(s3, manifest))["entries"]:
            content = get(s3, entry["url"])
            if len(content) != entry["meta"]["content_length"]:
                raise psycopg.DataError(f"{entry['url']} has another size")
            parquet, csv = Path(folder) / "file.parquet", Path(folder) / "file.csv"
            parquet.write_bytes(content)
            duck.execute(f"COPY (SELECT * FROM read_parquet('{parquet}')) TO '{csv}' (FORMAT csv, HEADER false)")
            with connection.cursor().copy(f"COPY {table} FROM STDIN (FORMAT csv)") as copying:
                copying.write(csv.read_bytes())


def get(s3: Any, url: str) -> bytes:
    parts = urlsplit(url)
    try:
        return bytes(s3.get_object(Bucket=parts.netloc, Key=parts.path.lstrip("/"))["Body"].read())
    except s3.exceptions.NoSuchKey as error:
        raise psycopg.DataError(f"S3ServiceException: The specified key does not exist, {url}") from error


@contextmanager
def serving(stand_in: StandIn) -> Iterator[str]:
    """Serve it on a free port of this machine; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if stand_in.refusal:
                self._send(400, {"__type": stand_in.refusal, "message": "so it is"})
            else:
                self._send(200, stand_in.answer(self.headers["X-Amz-Target"].split(".")[1], request))

        def _send(self, status: int, answer: dict[str, Any]) -> None:
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
