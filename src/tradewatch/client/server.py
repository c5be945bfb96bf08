"""What every way to a server shares: its URL, the key to show, the certificates to trust, its refusals."""

import ssl
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import msgspec

from tradewatch.errors import (
    AuthenticationError,
    NotFoundError,
    PlanError,
    RateLimitedError,
    RefusedError,
    ServerDrainingError,
    UsageError,
)

_REFUSALS: dict[int, type[RefusedError]] = {
    401: AuthenticationError,
    403: PlanError,
    404: NotFoundError,
    429: RateLimitedError,
    503: ServerDrainingError,
}
_SHOWN_DETAILS = 5


class _RefusalError(msgspec.Struct):
    """What a refusal says."""

    reason: str
    message: str = ""


class _Detail(msgspec.Struct):
    """What is wrong with one parameter."""

    loc: list[str | int]
    msg: str


class _Refusal(msgspec.Struct):
    """The body of an HTTP answer that refuses, in either form."""

    error: _RefusalError | None = None
    detail: list[_Detail] = []


def server_parts(url: str, schemes: Mapping[str, str]) -> SplitResult:
    """The parts of a server's URL.

    Args:
        url: `ws(s)://` or `http(s)://`.
        schemes: what becomes of its scheme.

    Raises:
        UsageError: it is no URL of a server.
    """
    try:
        parts = urlsplit(url)
        parts = parts._replace(scheme=schemes[parts.scheme], fragment="")
        if parts.hostname and parts.port != 0:
            return parts
    except (ValueError, KeyError):
        pass
    raise UsageError("the URL of the server must be like ws://127.0.0.1:8000 or https://example.com/prefix")


def shown_url(parts: SplitResult) -> str:
    """The address, without what may be secret in it."""
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()


def key_headers(api_key: str | None) -> dict[str, str]:
    """The header that shows a key.

    Raises:
        UsageError: no key looks like this.
    """
    if api_key and not (api_key.isascii() and api_key.isprintable()):
        raise UsageError("the API key holds characters that no key has")
    return {"api-key": api_key} if api_key else {}


def trust(cacert: Path | None) -> ssl.SSLContext:
    """What certificates are trusted: those in a file, or the system's.

    Raises:
        UsageError: the file holds none.
    """
    try:
        return ssl.create_default_context(cafile=cacert)
    except OSError as error:
        raise UsageError(f"{cacert} cannot be used as certificates: {error.strerror}") from None


def refused(
    status: int, headers: Mapping[str, str], body: bytes | bytearray, *, unexpected: str
) -> RefusedError:
    """The refusal of an answer: `401 key_unknown: no such key`.

    Args:
        status: its status.
        headers: its headers, found by a name in any case.
        body: its body.
        unexpected: what is said where the body says nothing.
    """
    told = headers.get("Retry-After", "")
    retry_after_s = int(told) if told.isascii() and told.isdigit() and len(told) < 10 else None
    reason, message = _said(body) or ("", unexpected)
    return _REFUSALS.get(status, RefusedError)(status, reason, message, retry_after_s=retry_after_s)


def why_unreachable(error: BaseException) -> str:
    """The system's reason, without the addresses it tried."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _said(body: bytes | bytearray) -> tuple[str, str] | None:
    """Reason and message of a refusal's body; None where it is in no form of ours."""
    try:
        refusal = msgspec.json.decode(body, type=_Refusal)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if refusal.error is not None:
        return refusal.error.reason, refusal.error.message
    if not refusal.detail:
        return None
    wrong = [f"{detail.loc[-1] if detail.loc else 'request'}: {detail.msg}" for detail in refusal.detail]
    return "invalid_request", "; ".join(wrong[:_SHOWN_DETAILS])
