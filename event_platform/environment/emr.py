"""Where jobs on AWS compute: an application of EMR Serverless."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from event_platform.environment.home import CHECKOUT
from event_platform.environment.kinds import TEXT
from event_platform.environment.setting import Kind, setting, values
from event_platform.errors import ConfigurationError


def _unbroken(prefix: str, given: dict[str, str]) -> dict[str, str]:
    for name, value in given.items():
        if re.search(r"[\s'\"\\]", value):
            raise ConfigurationError(
                f"{prefix}{name} holds white space, quotes or a backslash, at which EMR parts the parameters of a job; write the setting without."
            )
    return given


@dataclass(frozen=True)
class Emr:
    """The application, who its jobs run as, the script `emr.py` in its image or on S3, and settings that a job is given."""

    application: str = setting("EVENT_PLATFORM_EMR_APPLICATION", TEXT, "the id of the application", unset="not set: no jobs")
    role_arn: str = setting("EVENT_PLATFORM_EMR_ROLE_ARN", TEXT, "the role that its jobs run as; needed with an application")
    entry_point: str = setting(
        "EVENT_PLATFORM_EMR_ENTRY_POINT",
        TEXT,
        "`event_platform/emr.py` in the image (`local://…`) or on S3",
        default=f"local://{CHECKOUT}/event_platform/emr.py",
        unset="where it lies here",
    )
    settings: Mapping[str, str] = setting(
        "EVENT_PLATFORM_EMR_SET_<NAME>",
        Kind("text without white space, quotes and backslashes", _unbroken),
        "a setting `<NAME>` for the job, such as `EVENT_PLATFORM_EMR_SET_EVENT_PLATFORM_HOME`; AWS shows it to whoever may see the job: no secrets",
        default={},
        unset="none",
    )


def read_emr() -> Emr | None:
    """The application that the environment names; ConfigurationError where it has no role."""
    given = values(Emr)
    if not given["application"]:
        return None
    if not given["role_arn"]:
        raise ConfigurationError("EVENT_PLATFORM_EMR_APPLICATION is set and EVENT_PLATFORM_EMR_ROLE_ARN is not; give the role that its jobs run as.")
    return Emr(**given)
