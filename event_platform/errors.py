"""Every error the platform raises on purpose, in one tree.

    PlatformError                 one paragraph: the culprit, then the way out
    ├── UsageError                the command or its arguments are wrong             exit code 2
    ├── ConfigurationError        a setting or a contract is wrong                   exit code 3
    ├── PermanentError            the same input will fail again                     exit code 4
    │   ├── RefusedError          an API does not let us have what we ask for
    │   └── UnusableAnswerError   an API answers something else than was agreed
    └── TransientError            busy, full, unreachable: try again, nothing lost   exit code 5
        ├── ConflictError         another writer was first
        ├── UnavailableError      an API is away, failing, too slow, or asks to be left alone
        │   └── HeldBackError     we ourselves do not ask it yet
        └── TornAnswerError       an API's answer ended before its end

A run or a blocking check that failed ends a command with exit code 1; runs that failed by TransientErrors alone with theirs.
"""


class PlatformError(Exception):
    """Base of all errors with a message for the user; never raised itself."""

    exit_code = 1


class UsageError(PlatformError):
    """The command line asks for something that does not exist."""

    exit_code = 2


class ConfigurationError(PlatformError):
    """An environment variable, a setting or a source contract cannot be used."""

    exit_code = 3


class PermanentError(PlatformError):
    """The input itself is at fault; trying again gives the same."""

    exit_code = 4


class TransientError(PlatformError):
    """Something outside was busy, full or away; the same command later continues where this one stopped."""

    exit_code = 5


class ConflictError(TransientError):
    """A table changed between reading and writing; nothing was written, and the step may start anew from the table as it is now."""


class RefusedError(PermanentError):
    """An API refuses: the key is wrong, the address is unknown, the request is not understood."""


class UnusableAnswerError(PermanentError):
    """An API's answer is complete and not what was agreed: a web page, another shape, too large."""


class UnavailableError(TransientError):
    """An API is away, failing, too slow or overrun; `wait_seconds` is how long it asks to be left alone, where it says so."""

    def __init__(self, message: str, wait_seconds: float | None = None) -> None:
        """Take one paragraph for people, and seconds."""
        super().__init__(message)
        self.wait_seconds = wait_seconds


class HeldBackError(UnavailableError):
    """A call is not made, since a plan allows no more of them for now, or the API asked to be left alone."""


class TornAnswerError(TransientError):
    """An API's answer ended before its end. Half an answer is worse than none, since nobody would miss the other half."""
