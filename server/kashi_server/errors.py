"""Errors of the server: one tree. The message is for a person and says what to do next.

KashiError
├── InvalidValue       a value that cannot be: refused at birth
├── ImportRefused      a file with mistakes: file, line and field of every one
├── NotFound           no such thing, or not for this reader
├── Refused            a rule of the house forbids it now
├── TimeStampMissing   the time-stamping authority gave no stamp
├── SigningFailed      the key that signs documents cannot be used
├── StorageError       the database will not do what it must
└── ConfigurationError the server cannot start like this
"""


class KashiError(Exception):
    """The root of everything the server raises on purpose."""


class InvalidValue(KashiError, ValueError):
    """A value that cannot be."""


class ImportRefused(KashiError):
    """A file is refused as a whole; nothing of it was taken."""


class NotFound(KashiError):
    """There is no such thing for this reader."""


class Refused(KashiError):
    """A rule of the house forbids this now."""


class TimeStampMissing(KashiError):
    """The time-stamping authority gave no stamp."""


class SigningFailed(KashiError):
    """The key that signs documents cannot be used."""


class StorageError(KashiError):
    """The database will not do what it must."""


class ConfigurationError(KashiError):
    """The server cannot start like this."""
