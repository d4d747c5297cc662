"""The servers that the platform can work with, started on this machine for tests and for trying things out.

Each is a context manager that is given a folder for its data and gives where it listens; nothing listens beyond loopback. What Java programs
need is listed in a `pom.xml` per server and fetched once (`infra.jars`).

    with infra.seaweedfs(folder) as server:
        boto3.client("s3", endpoint_url=server.endpoint, ...)
"""

from infra.cache import class_path, jars
from infra.errors import InfraError
from infra.seaweedfs import SeaweedFS, seaweedfs

__all__ = ["InfraError", "SeaweedFS", "class_path", "jars", "seaweedfs"]
