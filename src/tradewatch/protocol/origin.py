"""Browser origins: which pages may open streams with their visitors' browsers."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from tradewatch.errors import SettingError
from tradewatch.protocol.refusal import Refusal, RefusalReason

#: What a browser says for a page that has no origin of its own (RFC 6454, section 7.1).
_NULL = "null"
_ANY = "*"
_DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST = r"\[[0-9a-f:.]+\]|[0-9a-z._-]+"
_PORT = r"(?::(?P<port>[0-9]{1,5}))?"
_ORIGIN = re.compile(
    rf"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<wildcard>\*\.(?=[^\[]))?(?P<host>{_HOST}|){_PORT}",
    re.ASCII | re.IGNORECASE,
)
_HOST_HEADER = re.compile(rf"(?P<host>{_HOST}){_PORT}", re.ASCII | re.IGNORECASE)
_SHOWN_CHARS = 80

_REFUSED = Refusal(403, RefusalReason.ORIGIN_REFUSED, "web pages of this origin may not connect")


class _Origin(NamedTuple):
    """A scheme, a host in lower case, and a port; None for a scheme that has no default."""

    scheme: str
    host: str
    port: int | None


class OriginRule:
    """Which origins may connect: the server's own, and those of a list.

    A client that sends no `Origin` is no browser, and is not bound. A page is of the server's own origin
    where host and port are those that the browser asked for, whether TLS ends here or in front of us.

    Args:
        allowed: origins `https://app.example.com`, `https://*.example.com` for every host that has exactly
            one label more than `example.com`, `null` for pages that have no origin, `*` for all.
        setting: the name of the setting that lists them, for the error.

    Raises:
        SettingError: an entry is none of these; says what is wrong with it.
    """

    def __init__(self, allowed: Iterable[str], *, setting: str) -> None:
        self._exact: set[_Origin] = set()
        self._parents: set[_Origin] = set()
        self._any = self._null = False
        for entry in allowed:
            self._allow(entry, setting)

    def allows(self, origin: str | None, host: str | None) -> bool:
        """Whether a request may come from a page of this origin.

        Args:
            origin: the header `Origin`; None where there is none.
            host: the header `Host`; None where there is none.
        """
        if origin is None or self._any:
            return True
        if origin == _NULL:
            return self._null
        match = _ORIGIN.fullmatch(origin)
        if match is None or match["wildcard"]:
            return False
        page = _origin(match)
        if page in self._exact or _is_own(page, host):
            return True
        label, _, parent = page.host.partition(".")
        return bool(label) and page._replace(host=parent) in self._parents

    def refusal(self, origin: str | None, host: str | None) -> Refusal | None:
        """The answer to a request that may not come from there; None where it may."""
        return None if self.allows(origin, host) else _REFUSED

    def _allow(self, entry: str, setting: str) -> None:
        if entry == _ANY:
            self._any = True
        elif entry == _NULL:
            self._null = True
        else:
            match = _checked(entry, setting)
            (self._parents if match["wildcard"] else self._exact).add(_origin(match))


def _origin(match: re.Match[str]) -> _Origin:
    scheme = match["scheme"].lower()
    port = int(match["port"]) if match["port"] else _DEFAULT_PORTS.get(scheme)
    return _Origin(scheme, match["host"].lower(), port)


def _is_own(page: _Origin, host: str | None) -> bool:
    """Whether a page is from the host and port that were asked for; a port left out is its scheme's."""
    match = _HOST_HEADER.fullmatch(host or "")
    if match is None or page.scheme not in _DEFAULT_PORTS:
        return False
    port = int(match["port"]) if match["port"] else _DEFAULT_PORTS[page.scheme]
    return (page.host, page.port) == (match["host"].lower(), port)


def _checked(entry: str, setting: str) -> re.Match[str]:
    """The parts of an entry that names origins, or the error that says why it names none."""
    match = _ORIGIN.fullmatch(entry)
    fault = _fault_of_text(entry) if match is None else _fault_of_parts(match)
    if match is None or fault:
        raise SettingError(
            f"{setting}: {entry[:_SHOWN_CHARS]!r} {fault};"
            " an origin is like https://app.example.com, https://*.example.com, null or *"
        )
    return match


def _fault_of_text(entry: str) -> str:
    _, separator, rest = entry.partition("://")
    if not separator:
        return "has no scheme"
    if not entry.isascii():
        return "is not ASCII, and browsers write such a host as xn--..."
    if {"/", "?", "#"} & set(rest):
        return "has something after its host"
    if "*" in rest.removeprefix("*."):
        return "has a * that is not the whole first label of its host"
    return "is no origin"


def _fault_of_parts(match: re.Match[str]) -> str:
    scheme = match["scheme"].lower()
    if scheme in {"ws", "wss"}:
        return "has the scheme of a stream, and pages come over http or https"
    if not match["host"] and (match["wildcard"] or scheme in _DEFAULT_PORTS):
        return "has no host"
    if int(match["port"] or 0) > 65_535:
        return "has a port above 65535"
    return ""
