"""Every error the platform raises on purpose, in one tree.

    PlatformError                 one paragraph: the culprit, then the way out
    ├── UsageError                the command or its arguments are wrong             exit code 2
    ├── ConfigurationError        a setting or a contract is wrong                   exit code 3
    ├── PermanentError            the same input will fail again                     exit code 4
    └── TransientError            busy, full, unreachable: try again, nothing lost   exit code 5

A run or a blocking check that failed ends a command with exit code 1.
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
