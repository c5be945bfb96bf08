"""Addresses, networks, and clients behind proxies."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewatch.address import client_address, is_loopback, network_of, parse_networks, reachable, url_host
from tradewatch.errors import SettingError

OURS = parse_networks(["10.0.0.0/8", "2001:db8:aaaa::/48", "192.0.2.7"], setting="trusted_proxies")
PROXY = "10.0.0.1"


@pytest.mark.parametrize(
    ("host", "answer"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
        ("example.com", False),
    ],
)
def test_loopback(host: str, answer: bool):
    assert is_loopback(host) is answer


def test_hosts_as_they_are_reached_and_written():
    assert [reachable(host) for host in ("0.0.0.0", "::", "10.0.0.1")] == ["127.0.0.1", "::1", "10.0.0.1"]
    assert [url_host(host) for host in ("::1", "10.0.0.1", "a.example")] == ["[::1]", "10.0.0.1", "a.example"]


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("127.0.0.1", "127.0.0.1"),
        ("::1", "::/64"),
        ("", ""),
        ("a unix socket", "a unix socket"),
    ],
)
def test_whom_an_address_stands_for(address: str, network: str):
    assert network_of(address) == network


@settings(deadline=None)
@given(st.integers(0, 2**128 - 1), st.integers(0, 2**64 - 1))
def test_all_of_a_64_is_one_network_and_nothing_else_is(number, other):
    address = IPv6Address(number)
    if address.ipv4_mapped or IPv6Address(number >> 64 << 64 | other).ipv4_mapped:
        return
    neighbour = IPv6Address(number >> 64 << 64 | other)
    stranger = IPv6Address(number ^ 1 << 64)
    assert network_of(str(neighbour)) == network_of(str(address)) != network_of(str(stranger))


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_an_ipv4_address_is_one_network_however_it_is_written(number):
    address = IPv4Address(number)
    assert network_of(str(address)) == network_of(f"::ffff:{address}") == str(address)


@pytest.mark.parametrize(
    ("forwarded_for", "client"),
    [
        ([], PROXY),
        (["203.0.113.9"], "203.0.113.9"),
        (["1.1.1.1, 203.0.113.9"], "203.0.113.9"),
        (["203.0.113.9, 10.2.2.2"], "203.0.113.9"),
        (["203.0.113.9 , 192.0.2.7,10.2.2.2 "], "203.0.113.9"),
        (["203.0.113.9", "10.2.2.2"], "203.0.113.9"),
        (["1.1.1.1, 203.0.113.9", "192.0.2.7, 10.2.2.2"], "203.0.113.9"),
        (["10.3.3.3, 10.2.2.2"], "10.3.3.3"),
        (["203.0.113.9:4711"], "203.0.113.9"),
        (["2001:db8::9"], "2001:db8::9"),
        (["[2001:db8::9]"], "2001:db8::9"),
        (["[2001:db8::9]:4711, 2001:db8:aaaa::1"], "2001:db8::9"),
        (["203.0.113.9, ::ffff:10.2.2.2"], "203.0.113.9"),
        (["::ffff:203.0.113.9"], "203.0.113.9"),
        (["unknown"], PROXY),
        ([""], PROXY),
        (["203.0.113.9,"], PROXY),
        (["203.0.113.9, unknown"], PROXY),
        (["203.0.113.9, unknown, 10.2.2.2"], "10.2.2.2"),
        (["203.0.113.9, 10.2.2.2.2, 10.4.4.4"], "10.4.4.4"),
        (["fe80::1%\r\nforged: line"], "fe80::1"),
        (["203.0.113.9:80:80"], PROXY),
        (["[203.0.113.9"], "203.0.113.9"),
    ],
)
def test_the_client_behind_a_proxy(forwarded_for: list[str], client: str):
    assert client_address(PROXY, forwarded_for, OURS) == client


@pytest.mark.parametrize("peer", ["198.51.100.1", "2001:db8::1", "", "testclient"])
def test_strangers_forward_for_nobody(peer: str):
    assert client_address(peer, ["203.0.113.9"], OURS) == peer
    assert client_address(PROXY, ["203.0.113.9"], ()) == PROXY


def test_a_proxy_is_known_by_its_ipv4_address_on_an_ipv6_socket():
    assert client_address("::ffff:10.0.0.1", ["203.0.113.9"], OURS) == "203.0.113.9"


@pytest.mark.parametrize("separator", [",", ", "])
def test_a_list_of_made_up_proxies_is_not_followed_without_end(separator: str):
    made_up = separator.join(["203.0.113.9"] + ["10.0.0.2"] * 5_000)
    assert client_address(PROXY, [made_up], OURS) == "10.0.0.2"
    assert client_address(PROXY, ["203.0.113.9"] + ["10.0.0.2"] * 32, OURS) == "10.0.0.2"
    assert client_address(PROXY, ["203.0.113.9"] + ["10.0.0.2"] * 31, OURS) == "203.0.113.9"


OUR_ADDRESSES = st.integers(0, 2**24 - 1).map(lambda number: str(IPv4Address(10 << 24 | number)))
OTHERS = st.ip_addresses(v=4).filter(lambda ip: not any(ip in network for network in OURS)).map(str)


@settings(deadline=None)
@given(st.lists(st.text("0123456789.:,[] a"), max_size=4), OTHERS, st.lists(OUR_ADDRESSES, max_size=8))
def test_nothing_a_client_writes_changes_who_it_is(made_up, client, proxies):
    lists = [*made_up, ",".join([client, *proxies])]
    assert client_address(PROXY, lists, OURS) == client
    assert client_address(PROXY, [",".join(lists)], OURS) == client


@settings(deadline=None)
@given(st.text(), st.lists(st.text(), max_size=4))
def test_any_header_has_an_answer_without_control_characters(peer, values):
    assert client_address(peer, values, OURS) == peer
    assert client_address(PROXY, values, OURS).isprintable()


def test_networks_are_read():
    texts = ["10.0.0.0/8", "10.0.0.0/255.0.0.0", "192.0.2.7", "2001:db8::/32", "::1"]
    assert [str(network) for network in parse_networks(texts, setting="x")] == [
        "10.0.0.0/8",
        "10.0.0.0/8",
        "192.0.2.7/32",
        "2001:db8::/32",
        "::1/128",
    ]
    assert parse_networks([], setting="x") == ()


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("10.0.0.1/8", "has bits set behind its prefix; its network is 10.0.0.0/8"),
        ("2001:db8::1/32", "has bits set behind its prefix; its network is 2001:db8::/32"),
        ("0.0.0.0/0", "is every address, so that every client could make up its own"),
        ("::/0", "is every address, so that every client could make up its own"),
        ("::ffff:10.0.0.0/104", "is IPv4 within IPv6; write the IPv4 network"),
        ("proxy.example.com", "is no network, such as 10.0.0.0/8, 2001:db8::/32 or one address"),
        ("10.0.0.0/33", "is no network, such as 10.0.0.0/8, 2001:db8::/32 or one address"),
        ("", "is no network, such as 10.0.0.0/8, 2001:db8::/32 or one address"),
        ("unix", "is no network, such as 10.0.0.0/8, 2001:db8::/32 or one address"),
    ],
)
def test_a_network_that_does_not_fit_is_named(text: str, fault: str):
    with pytest.raises(SettingError) as caught:
        parse_networks(["10.0.0.0/8", text], setting="trusted_proxies")
    assert str(caught.value) == f"trusted_proxies: {text!r} {fault}"
