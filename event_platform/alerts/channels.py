"""The ways out: any Apprise URL (e-mail, SMS gateways and many more), and AWS SNS.

The address is read from the environment at the moment of sending and goes nowhere else: what a service says of a failure is masked.
"""

from __future__ import annotations

import logging
import re
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import unquote

from event_platform import environment
from event_platform.errors import ConfigurationError, TransientError
from event_platform.lake.schema import MASK

if TYPE_CHECKING:
    from event_platform.alerts.configuration import Recipient
    from event_platform.alerts.messages import Message

TRIES = 3
"""At once, before the message is left to the next round."""

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 4.0
CONNECT_SECONDS, ANSWER_SECONDS = 5, 10
ERROR_CHARACTERS = 200
SNS_TITLE_CHARACTERS = 100


def prepare() -> None:
    """Load what sending needs, which takes a second; whoever does not, waits so long with the first message."""
    with suppress(ImportError):
        import apprise

        apprise.Apprise.instantiate("json://127.0.0.1")  # it loads its services as it is given the first address


def send(recipient: Recipient, message: Message) -> None:
    """Hand the message over, trying a few times with growing, random pauses.

    Raises ConfigurationError when the recipient's address is missing or unusable, TransientError when the service did not take the message.
    """
    from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

    address = environment.secret(recipient.address_from)
    deliver = {"apprise": _by_apprise, "sns": _by_sns}[recipient.channel]
    pauses = wait_random_exponential(multiplier=FIRST_PAUSE_SECONDS, max=LONGEST_PAUSE_SECONDS)
    for attempt in Retrying(stop=stop_after_attempt(TRIES), wait=pauses, retry=retry_if_exception_type(TransientError), reraise=True):
        with attempt:
            deliver(address, recipient.address_from, message)


def _by_apprise(address: str, variable: str, message: Message) -> None:
    try:
        import apprise
    except ImportError as error:
        raise ConfigurationError("Sending alerts needs the package apprise; install event-platform[alerts].") from error

    logger = logging.getLogger("apprise")
    logger.propagate = False  # it names addresses
    with apprise.LogCapture(level=logging.WARNING, fmt="%(message)s") as told:  # type: ignore[no-untyped-call]
        service = apprise.Apprise()
        if not service.add(address):
            raise ConfigurationError(f"{variable} holds no URL that Apprise knows; see https://github.com/caronc/apprise for their forms.")
        if not service.notify(title=message.title, body=message.text, body_format=apprise.NotifyFormat.TEXT):
            raise TransientError(f"The service behind {variable} did not take the message: {masked(told.getvalue(), address) or 'it gave no reason'}")


def _by_sns(address: str, variable: str, message: Message) -> None:
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError as error:
        raise ConfigurationError("Sending alerts through SNS needs the package boto3; install event-platform[alerts].") from error

    topic = re.fullmatch(r"arn:[\w-]+:sns:([\w-]+):\d+:[\w.-]+", address)
    if not topic and not re.fullmatch(r"\+\d{6,15}", address):
        raise ConfigurationError(f"{variable} holds neither the ARN of an SNS topic nor a telephone number such as +15550100.")
    target = {"TopicArn": address, "Subject": _ascii(message.title)} if topic else {"PhoneNumber": address}
    limits = Config(connect_timeout=CONNECT_SECONDS, read_timeout=ANSWER_SECONDS, retries={"total_max_attempts": 1})
    try:
        client = boto3.client("sns", region_name=topic.group(1) if topic else None, config=limits)
        client.publish(Message=message.text, **target)
    except ClientError as error:
        reason = f"{error.response['Error'].get('Code', 'Error')}: {error.response['Error'].get('Message', '')}"
        raise TransientError(f"SNS did not take the message for {variable}: {masked(reason, address)}") from None
    except BotoCoreError as error:
        raise TransientError(f"SNS cannot be asked to deliver to {variable}: {masked(str(error), address)}") from None


def _ascii(title: str) -> str:
    """A subject as SNS allows it: ASCII, one line, at most 100 characters."""
    return re.sub(r"\s+", " ", title).encode("ascii", "replace").decode()[:SNS_TITLE_CHARACTERS]


def masked(text: str, address: str) -> str:
    """The text on one line, cut, without any part of the address, and without what looks like a mail address or a telephone number."""
    parts = {part for form in (address, unquote(address)) for part in re.split(r"[^\w.%+-]+", form) if len(part) > 3}
    for part in sorted(parts, key=len, reverse=True):
        text = re.sub(re.escape(part), MASK, text, flags=re.IGNORECASE)
    text = re.sub(r"[^\s@\"'<>]+@[^\s@\"'<>]+|\+?\d[\d -]{6,}\d", MASK, text)
    return " ".join(text.split())[:ERROR_CHARACTERS]
