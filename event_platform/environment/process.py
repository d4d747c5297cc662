"""Variables that are no settings of the platform: those that a setting names, and those of the programs it starts."""

import os
import shutil
from pathlib import Path

from event_platform.errors import ConfigurationError


def is_set(name: str) -> bool:
    """Whether a variable that a setting names has a value."""
    return bool(os.environ.get(name))


def secret(name: str) -> str:
    """The value of a variable that a setting names; ConfigurationError, without any value, when it is not set."""
    value = os.environ.get(name)
    if not value:
        raise ConfigurationError(f"The environment variable {name}, which a setting names, is not set; set it where the platform runs.")
    return value


def require_java() -> str:
    """The program `java`; ConfigurationError saying where it was looked for."""
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=f"{home}/bin" if home else None)
    if found is None:
        where = f"where JAVA_HOME says ({home})" if home else "on the PATH"
        raise ConfigurationError(f"Spark needs Java 17, and there is none {where}. Install it, or set JAVA_HOME to where it is.")
    return found


def log_as_told(configuration: Path) -> None:
    """Have the Java that this process starts for Spark log as this file says, unless there is one in the folder of Spark's own configuration.

    Spark comes with a template there, which Java does not read.
    """
    home = os.environ.get("SPARK_HOME")
    folder = os.environ.get("SPARK_CONF_DIR") or (f"{home}/conf" if home else None)
    if not (folder and any(found.suffix != ".template" for found in Path(folder).glob("log4j2*"))):
        os.environ.setdefault("LOG4J_CONFIGURATION_FILE", str(configuration))


def share_metrics_in(folder: Path) -> None:
    """Have the processes started from here add up what they count for Prometheus in this folder; its client looks for it in the environment."""
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
