"""Where what is the user's own lies: the project around the process."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent
CHECKOUT = PACKAGE.parent
"""Where the package lies: in a checkout, or among the packages of a Python."""

NEW_PROJECT = PACKAGE / "new_project"
"""The files of a new project; those of Dagster also serve where there is none."""

PROJECT_FILE = "event-platform.toml"
"""What a project says of itself."""


def project() -> Path | None:
    """The folder with what is the user's own: that of the nearest `workspace.yaml` from here upwards which loads the platform, else the checkout.

    None where the platform is installed from a package and the process is in no project.
    """
    return next(filter(_is_project, (*_from_here_upwards(), CHECKOUT)), None)


def folder_of_dagster() -> Path:
    """Where the `dagster.yaml` lies that holds where DAGSTER_HOME is not set: that of the project, else that of a new one."""
    folder = project()
    return folder if folder and (folder / "dagster.yaml").exists() else NEW_PROJECT


def _from_here_upwards() -> tuple[Path, ...]:
    try:
        here = Path.cwd()
    except FileNotFoundError:  # somebody removed it
        return ()
    return (here, *here.parents)


def _is_project(folder: Path) -> bool:
    try:
        return b"event_platform.definitions" in (folder / "workspace.yaml").read_bytes()
    except OSError:
        return False
