"""What ends a request early; `problems.py` turns each into a page or into JSON."""

from kashi_server.errors import KashiError


class SignInNeeded(KashiError):
    """Nobody is signed in, and this page is not public."""


class FormRefused(KashiError):
    """A form came without the token of its session, or from another site."""


class TooManyRequests(KashiError):
    """One address asks too often."""
