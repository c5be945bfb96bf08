"""Addresses as people and proxies write them: which machine is meant, and which network it belongs to."""

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
    ip_address,
    ip_interface,
)

from tradewatch.errors import SettingError

Networks = tuple[IPv4Network | IPv6Network, ...]

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - nothing is bound here
#: Proxies in a row that are followed; more are a client that writes our proxies' names into its request.
_MAX_HOPS = 32
_SITE_BITS = 64  # what one IPv6 customer gets at least, to choose addresses from at will


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens there."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def reachable(host: str) -> str:
    """The address under which this machine reaches what listens on `host`."""
    return _EVERYWHERE.get(host, host)


def url_host(host: str) -> str:
    """The host as a URL has it: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host


def network_of(address: str) -> str:
    """Whom an address stands for when attempts are counted.

    An IPv4 address is itself, also where it is mapped into IPv6; an IPv6 address is its /64; a text that is
    no address is itself.
    """
    parsed = _parsed(address)
    if parsed is None:
        return address
    if isinstance(parsed, IPv4Address):
        return str(parsed)
    return f"{IPv6Address(int(parsed) >> _SITE_BITS << _SITE_BITS)}/{_SITE_BITS}"


def parse_networks(texts: Iterable[str], *, setting: str) -> Networks:
    """Networks from their texts: `10.0.0.0/8`, `2001:db8::/32`, or a single address.

    Args:
        texts: the networks.
        setting: the name of the setting that lists them, for the error.

    Raises:
        SettingError: one is no network, has bits set behind its prefix, holds every address, or is an IPv4
            network in the clothes of IPv6, where no client would be found.
    """
    return tuple(_network(text, setting) for text in texts)


def client_address(peer: str, forwarded_for: Sequence[str], trusted: Networks) -> str:
    """The address of the client behind our own proxies.

    Each proxy appends whom it was talking to, so the list is read from its end, for as long as the one who
    wrote an entry is ours. The first entry that is not one of our proxies is the client; what stands before
    it the client may have made up. An entry that is no address, such as `unknown`, ends the list: then the
    last proxy known to us stands for the client. The header `Forwarded` is not read: a proxy that writes only
    one of the two headers passes the other on as the client sent it.

    Args:
        peer: whom the connection comes from.
        forwarded_for: the values of all `X-Forwarded-For` headers, in their order.
        trusted: where our proxies are.
    """
    client = _parsed(peer) if trusted else None
    if client is None or not _is_in(client, trusted):
        return peer
    for entry in _from_the_end(forwarded_for):
        hop = _parsed(_without_port(entry))
        if hop is None:
            break
        client = hop
        if not _is_in(client, trusted):
            break
    return str(client)


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    """The address that a text is, an IPv4 address wherever it is one; None where it is none."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv4Address):
        return address
    return address.ipv4_mapped or IPv6Address(int(address))  # without its zone, which may be any text


def _is_in(address: IPv4Address | IPv6Address, networks: Networks) -> bool:
    return any(address in network for network in networks)


def _from_the_end(values: Sequence[str]) -> Iterator[str]:
    """The entries of the lists in a header, the last first, no more of them than are looked at."""
    left = _MAX_HOPS
    for value in reversed(values):
        entries = value.rsplit(",", left)
        for entry in reversed(entries):
            if left == 0:
                return
            left -= 1
            yield entry.strip()


def _without_port(entry: str) -> str:
    """The address in `192.0.2.1:4711`, `[2001:db8::1]:4711` or `[2001:db8::1]`; else the entry as it is."""
    if entry.startswith("["):
        return entry[1:].partition("]")[0]
    host, colon, _ = entry.partition(":")
    return host if colon and entry.count(":") == 1 else entry


def _network(text: str, setting: str) -> IPv4Network | IPv6Network:
    """One network of a setting, or the error that says what is wrong with it."""
    shown = repr(text[:64])
    try:
        interface = ip_interface(text)
    except ValueError:
        raise SettingError(
            f"{setting}: {shown} is no network, such as 10.0.0.0/8, 2001:db8::/32 or one address"
        ) from None
    network = interface.network
    if network.prefixlen == 0:
        raise SettingError(f"{setting}: {shown} is every address, so that every client could make up its own")
    if int(interface.ip) != int(network.network_address):
        raise SettingError(f"{setting}: {shown} has bits set behind its prefix; its network is {network}")
    if isinstance(interface, IPv6Interface) and interface.ipv4_mapped:
        raise SettingError(f"{setting}: {shown} is IPv4 within IPv6; write the IPv4 network")
    return network
