"""What can keep a server from starting, in one paragraph: the culprit, then the way out."""


class InfraError(Exception):
    """Something that a server needs is not here, or it does not start."""
