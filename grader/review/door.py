"""Who may come in: whoever holds the one-time token gets a session, which ends with this run of the app."""

from __future__ import annotations

import secrets


class Door:
    """A token that opens once, and the session that it gives."""

    def __init__(self, token: str, port: int) -> None:
        """Make a session that nobody has yet."""
        self._token: str | None = token
        self._session = secrets.token_urlsafe(32)
        self.csrf = secrets.token_urlsafe(32)
        """What a page that we made knows, and a page of somebody else does not."""
        self.cookie = f"grader-review-{port}"
        """The cookie's name: browsers give one machine's cookies to all its ports."""

    def open(self, token: str) -> str | None:
        """The session for the right token, which is of no use from then on; None for any other."""
        if self._token is None or not _same(token, self._token):
            return None
        self._token = None
        return self._session

    def knows(self, session: str | None) -> bool:
        """Whether this is our session."""
        return session is not None and _same(session, self._session)

    def trusts(self, csrf: str | None) -> bool:
        """Whether a write comes from one of our own pages."""
        return csrf is not None and _same(csrf, self.csrf)


def _same(one: str, other: str) -> bool:
    """Compare in constant time, whatever characters a stranger sends."""
    return secrets.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass"))
