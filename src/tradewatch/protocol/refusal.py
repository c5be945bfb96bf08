"""What is said before the upgrade: an HTTP answer with a reason, never a silent close."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from http import HTTPStatus
from typing import NamedTuple

import msgspec


class RefusalReason(StrEnum):
    """Stable reasons of HTTP refusals."""

    BAD_REQUEST = "bad_request"
    SUBPROTOCOL_UNKNOWN = "subprotocol_unknown"
    KEY_MISSING = "key_missing"
    KEY_UNKNOWN = "key_unknown"
    KEY_REVOKED = "key_revoked"
    TICKET_EXPIRED = "ticket_expired"
    SCOPE_MISSING = "scope_missing"
    PLAN_WITHOUT_WEBSOCKET = "plan_without_websocket"
    PLAN_UNKNOWN = "plan_unknown"
    PLAN_WITHOUT_CLASS = "plan_without_class"
    PLAN_WITHOUT_REST = "plan_without_rest"
    PLAN_WITHOUT_HISTORY = "plan_without_history"
    ORIGIN_REFUSED = "origin_refused"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    REQUEST_TIMEOUT = "request_timeout"
    BODY_TOO_LARGE = "body_too_large"
    INVALID_REQUEST = "invalid_request"
    TOO_MANY_TICKETS = "too_many_tickets"
    UPGRADE_REQUIRED = "upgrade_required"
    TOO_MANY_CONNECTIONS = "too_many_connections"
    TOO_MANY_ATTEMPTS = "too_many_attempts"
    TOO_MANY_REQUESTS = "too_many_requests"
    EXCEEDS_OWN_KEY = "exceeds_own_key"
    NAME_TAKEN = "name_taken"
    TOO_MANY_KEYS = "too_many_keys"
    ACCESS_UNAVAILABLE = "access_unavailable"
    UNKNOWN_SYMBOL = "unknown_symbol"
    NEVER_QUOTED = "never_quoted"
    NO_RATE = "no_rate"
    HISTORY_UNAVAILABLE = "history_unavailable"
    HEAD_TOO_LARGE = "head_too_large"
    INTERNAL_ERROR = "internal_error"
    DRAINING = "draining"


class Refusal(NamedTuple):
    """An HTTP answer that says no.

    Attributes:
        status: the HTTP status.
        reason: the stable name of why.
        message: the same for a person; never holds what the client sent as a key.
        retry_after_s: when it may be tried again; None where trying again is of no use.
        details: more fields of the error, where there is more to say.
    """

    status: int
    reason: str
    message: str
    retry_after_s: int | None = None
    details: Mapping[str, object] = {}

    @property
    def phrase(self) -> str:
        """The status in words, for the status line."""
        return HTTPStatus(self.status).phrase

    @property
    def body(self) -> bytes:
        """`{"error": {"code": 401, "message": "...", "reason": "key_revoked"}}`."""
        return msgspec.json.encode(
            {"error": {"code": self.status, "message": self.message, "reason": self.reason, **self.details}}
        )

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The headers that belong to the body, `Retry-After` where it applies."""
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(self.body)))]
        if self.retry_after_s is not None:
            headers.append(("Retry-After", str(self.retry_after_s)))
        return headers

    def answer(self, extra_headers: Iterable[tuple[str, str]] = ()) -> bytes:
        """The whole HTTP/1.1 answer, after which the connection ends."""
        headers = [*self.headers, ("Connection", "close"), *extra_headers]
        lines = [f"HTTP/1.1 {self.status} {self.phrase}", *(f"{name}: {value}" for name, value in headers)]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + self.body
