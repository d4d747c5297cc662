"""What all use of AWS shares: clients that wait and retry within bounds, and AWS's errors as the platform's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, cast

from event_platform.errors import ConfigurationError, PermanentError, PlatformError, TransientError

CONNECT_SECONDS = 10
READ_SECONDS = 60
ATTEMPTS = 5
"""How often botocore itself asks, when AWS is busy or does not answer."""

MESSAGE_CHARACTERS = 300
"""What is told of AWS's own words; something between may answer with a web page."""

_DENIED = (
    *("AccessDenied", "Unauthorized", "Forbidden", "403"),
    *("InvalidAccessKeyId", "SignatureDoesNotMatch", "UnrecognizedClient", "ExpiredToken", "InvalidClientToken"),
    *("InvalidToken", "RequestTimeTooSkewed", "InvalidSignature", "MissingAuthenticationToken", "IncompleteSignature", "KMSAccessDenied"),
)
_UNKNOWN = ("NoSuchBucket", "ResourceNotFound", "Validation", "InvalidBucketName", "PermanentRedirect")
_BUSY = (
    *("Throttling", "SlowDown", "Active", "InternalServer", "InternalError", "InternalFailure", "ServiceUnavailable", "RequestTimeout"),
    *("TooManyRequests", "ProvisionedThroughputExceeded", "LimitExceeded", "KMSThrottling", "50"),
)


def client(service: str, connections: int = 10, attempts: int = ATTEMPTS) -> Any:  # noqa: ANN401 - boto3's clients have no types
    """A client for so many requests at once, with the credentials, region and endpoint that AWS's own variables and files give.

    `attempts` is how often it asks when AWS is busy; 1 for those who ask again by themselves. Raises ConfigurationError.
    """
    try:
        from boto3.session import Session
        from botocore.config import Config
        from botocore.session import get_session
    except ImportError as error:
        raise ConfigurationError("AWS needs the package boto3: `pip install 'event-platform[aws]'`.") from error
    limits = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": attempts},
        max_pool_connections=connections,
    )
    with explained(service):
        core = get_session()  # a session of its own: the default one keeps credentials for as long as the process lives
        core.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_moment)
        return Session(botocore_session=core).client(service, config=limits)


def _moment(told: str | float) -> datetime:
    """A time in an answer. In a listing each object has one, and botocore's own way takes four fifths of all the time that parsing takes."""
    from botocore.utils import parse_timestamp

    try:
        moment = datetime.fromisoformat(told)  # type: ignore[arg-type] # a number is a TypeError
    except (TypeError, ValueError):
        return cast("datetime", parse_timestamp(told))
    return moment if moment.tzinfo else cast("datetime", parse_timestamp(told))


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn AWS's errors while `what` is used into PlatformErrors; they never quote credentials."""
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        raise refusal(what, error.response.get("Error", {})) from None
    except Boto3Error as error:  # an upload that failed wraps what AWS answered
        cause = error.__context__
        raise (refusal(what, cause.response.get("Error", {})) if isinstance(cause, ClientError) else _away(what, error)) from None
    except BotoCoreError as error:
        raise _before_answer(what, error) from None


def refusal(what: str, answer: dict[str, str]) -> PlatformError:
    """What AWS's error (`Code` and `Message`) means while `what` is used."""
    code, message = answer.get("Code", "an error"), " ".join(answer.get("Message", "").split())[:MESSAGE_CHARACTERS]
    told = f"{code}: {message}" if message and message != code else code
    if code.startswith(_DENIED):
        return ConfigurationError(f"AWS does not let us use {what} ({told}). Look at the credentials and at what they are allowed.")
    if code.startswith(_UNKNOWN):
        return ConfigurationError(f"AWS does not know or cannot use {what} ({told}). Look at its name and at the region.")
    if code.startswith(_BUSY):
        return TransientError(f"AWS is busy with {what} ({told}). Nothing is half done; run again later.")
    return PermanentError(f"AWS refuses {what} ({told}).")


def _before_answer(what: str, error: Exception) -> PlatformError:
    kind = type(error).__name__
    if kind == "ParamValidationError":
        return ConfigurationError(f"{what} cannot be used: {' '.join(str(error).split())}. Look at the settings that name it.")
    if "Credential" in kind or "Token" in kind or kind in {"NoRegionError", "ProfileNotFound"}:
        return ConfigurationError(f"{what} cannot be used ({kind}). Give AWS_DEFAULT_REGION, and credentials as AWS's tools take them.")
    return _away(what, error)


def _away(what: str, error: Exception) -> TransientError:
    return TransientError(f"{what} cannot be reached ({type(error).__name__}). Nothing is half done; run again when it is back.")
