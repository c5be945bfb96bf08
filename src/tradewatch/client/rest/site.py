"""A server's REST API: its address, how it is reached, and what its answers that refuse mean."""

from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

import tradewatch
from tradewatch.address import is_loopback
from tradewatch.client.rest.asked import Request
from tradewatch.client.server import key_headers, refused, server_parts, shown_url, trust, why_unreachable
from tradewatch.errors import ProtocolViolationError, RefusedError, UnreachableError, UsageError

JSON = "application/json"
ARROW = "application/vnd.apache.arrow.stream"
#: A JSON answer of more is none of a server of ours.
MAX_JSON_BYTES = 64 << 20
#: More of a refusal nobody reads.
MAX_REFUSAL_BYTES = 64 << 10

_SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}
_CONNECT_TIMEOUT_S = 10.0
_PHRASES = {status.value: status.phrase for status in HTTPStatus}


class Site:
    """Where a server's API is; making one opens nothing.

    Args:
        url: the server, `http(s)://` or `ws(s)://`; a path in front of the server's own is kept.
        api_key: the key to show, in a header and nowhere else.
        cacert: a file of certificates (PEM) to trust instead of the system's.
        timeout_s: how long a server may be silent.

    Raises:
        UsageError: one of them cannot be what it is.
    """

    def __init__(self, url: str, *, api_key: str | None, cacert: Path | None, timeout_s: float) -> None:
        if not timeout_s > 0:
            raise UsageError(f"a server may be silent for more than 0 s, not {timeout_s:g}")
        parts = server_parts(url, _SCHEMES)
        self._parts = parts._replace(path=parts.path.rstrip("/"), query="")
        self._headers = key_headers(api_key)
        self._cacert = cacert
        self._timeout_s = timeout_s

    def __str__(self) -> str:
        """The address, without what may be secret in it."""
        return shown_url(self._parts)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self}>"

    def client_options(self) -> dict[str, Any]:
        """What a client of httpx is made with; it follows no redirect, which would show the key elsewhere."""
        options: dict[str, Any] = {
            "headers": {**self._headers, "user-agent": f"tradewatch/{tradewatch.__version__}"},
            "follow_redirects": False,
            # the environment's proxy cannot reach this machine's own loopback
            "trust_env": not is_loopback(self._parts.hostname or ""),
        }
        if self._parts.scheme == "https":
            options["verify"] = trust(self._cacert)
        return options

    def get(self, request: Request, accept: str, httpx: Any) -> dict[str, Any]:
        """What httpx is told of a request."""
        headers = {"accept": accept}
        if accept == ARROW:
            headers["accept-encoding"] = "identity"  # its columns are small as they are
        return {
            "method": "GET",
            "url": self._parts.geturl() + request.path,
            "params": request.parameters,
            "headers": headers,
            "timeout": httpx.Timeout(self._timeout_s, connect=min(self._timeout_s, _CONNECT_TIMEOUT_S)),
        }

    def check(self, headers: Mapping[str, str], accept: str) -> None:
        """See that an answer is of the kind that was asked for.

        Raises:
            ProtocolViolationError: it is not.
        """
        kind = headers.get("content-type", "").partition(";")[0].strip()
        if kind != accept:
            raise ProtocolViolationError(f"{self} answers with {kind or 'something'!r}, not {accept!r}")

    def refusal(self, status: int, headers: Mapping[str, str], body: bytes) -> RefusedError:
        """Why an answer holds no data."""
        phrase = _PHRASES.get(status, "")
        return refused(
            status, headers, body, unexpected=f"the answer of {self} is {status} {phrase}".rstrip()
        )

    def lost(self, error: Exception, *, begun: bool) -> UnreachableError:
        """Why there is no answer, or not the whole of it."""
        what = f"the answer of {self} did not come whole" if begun else f"cannot reach {self}"
        return UnreachableError(f"{what}: {self._why(error)}")

    def _why(self, error: Exception) -> str:
        """The reason that is below what httpx says."""
        if "Timeout" in type(error).__name__:
            return f"silent for {self._timeout_s:g} s"
        below: BaseException | None = error
        while below is not None:
            if isinstance(below, OSError):
                return why_unreachable(below)
            below = below.__cause__ or below.__context__
        return str(error) or type(error).__name__
