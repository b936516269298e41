"""Jupyter's messages: made and signed for a kernel, read and checked from one that nobody trusts."""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from grader.execution.kernel import parse_json
from grader.execution.zmtp import Parts

_DELIMITER = b"<IDS|MSG>"
_PROTOCOL = "5.3"


@dataclass(frozen=True, slots=True)
class Received:
    """One message from a kernel, as far as it could be understood."""

    kind: str
    parent: str
    """Id of the request that it answers."""
    content: Mapping[str, Any] | None
    """None where it was too large, malformed or wrongly signed."""
    size: int


class Wire:
    """Signs and checks the messages of one kernel."""

    def __init__(self, key: str) -> None:
        """Take the key of the kernel's connection file."""
        self._key = key.encode()
        self._session = uuid.uuid4().hex

    def request(self, kind: str, content: Mapping[str, Any]) -> tuple[str, Sequence[bytes]]:
        """Return a new message's id and its parts."""
        message_id = uuid.uuid4().hex
        header = {
            "msg_id": message_id,
            "msg_type": kind,
            "session": self._session,
            "username": "grader",
            "date": datetime.now(UTC).isoformat(),
            "version": _PROTOCOL,
        }
        body = [json.dumps(part).encode() for part in (header, {}, {}, content)]
        return message_id, [_DELIMITER, self._signature(body), *body]

    def read(self, message: Parts) -> Received | None:
        """Return what a message says; None if it does not even say what it answers."""
        parts = message.parts
        if _DELIMITER not in parts:
            return None
        at = parts.index(_DELIMITER)
        signature, body = next(iter(parts[at + 1 :]), None), parts[at + 2 : at + 6]
        if len(body) < 4 or signature is None or body[0] is None or body[1] is None:
            return None
        header, parent = parse_json(body[0]), parse_json(body[1])
        if not (isinstance(header, dict) and isinstance(parent, dict)):
            return None
        content = self._content(signature, body)
        return Received(str(header.get("msg_type"))[:100], str(parent.get("msg_id"))[:100], content, message.size)

    def _content(self, signature: bytes, body: Sequence[bytes | None]) -> Mapping[str, Any] | None:
        whole = [part for part in body if part is not None]
        if len(whole) < len(body) or not hmac.compare_digest(signature, self._signature(whole)):
            return None
        content = parse_json(whole[3])
        return content if isinstance(content, dict) else None

    def _signature(self, body: Sequence[bytes]) -> bytes:
        return hmac.new(self._key, b"".join(body), hashlib.sha256).hexdigest().encode()
