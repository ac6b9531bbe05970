"""Passwords: argon2id, with the library's current recommendation as cost."""

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from kashi_server.errors import InvalidValue

MIN_CHARACTERS = 12
MAX_CHARACTERS = 200


class Passwords:
    """Hashes and checks passwords.

    `hasher` sets the cost; tests hand in a cheap one. A login that does not exist is checked
    against a hash of its own, so that it takes as long to refuse as a wrong password.
    """

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._nobody = self._hasher.hash("nobody's password")

    def hash(self, password: str) -> str:
        """The text to store for a password.

        Raises:
            InvalidValue: it is shorter than 12 or longer than 200 characters.
        """
        if not MIN_CHARACTERS <= len(password) <= MAX_CHARACTERS:
            raise InvalidValue(
                f"密码有 {len(password)} 个字符，须为 {MIN_CHARACTERS} 至 "
                f"{MAX_CHARACTERS} 个。"
                f"the password has {len(password)} characters; choose"
                f" {MIN_CHARACTERS} to {MAX_CHARACTERS}"
            )
        return self._hasher.hash(password)

    def matches(self, stored: str | None, password: str) -> bool:
        """Whether a password is the one behind a stored hash; None stored: never, but as slowly."""
        if len(password) > MAX_CHARACTERS:
            return False
        try:
            self._hasher.verify(self._nobody if stored is None else stored, password)
        except (VerifyMismatchError, InvalidHashError):
            return False
        return stored is not None
