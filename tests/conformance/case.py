"""One case: what a client sends, and everything it gets for it."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import pytest

from tests.conformance.echo import EchoServer
from tests.conformance.peer import CLOSE, END, Event, Peer, closed, frame

#: Close codes of violations; the text behind them is for people, and no part of any rule.
VIOLATIONS = {1002, 1003, 1007, 1009}


class Round(NamedTuple):
    """Octets that are sent, in these pieces, and what comes for them before anything else is sent."""

    chunks: Sequence[bytes]
    expected: Sequence[Event] = ()


class Case(NamedTuple):
    """A conversation.

    Attributes:
        name: what it is about.
        rounds: in their order.
        subprotocol: what the client asks for.
        extensions: what it offers.
    """

    name: str
    rounds: Sequence[Round]
    subprotocol: str = ""
    extensions: str = ""


def told(name: str, send: bytes | Iterable[bytes], *expected: Event, **options: str) -> Case:
    """A case of one round."""
    chunks = [send] if isinstance(send, bytes) else list(send)
    return Case(name, [Round(chunks, expected)], **options)


def table(cases: Iterable[Case]) -> pytest.MarkDecorator:
    """The cases as parameters of a test."""
    listed = list(cases)
    return pytest.mark.parametrize("case", listed, ids=[case.name for case in listed])


def run(echo: EchoServer, case: Case) -> None:
    """Hold the conversation and compare every event, the end of the stream too.

    A case that does not end with a close is ended by one of the client's, which has to be answered.
    """
    expected: list[Event] = []
    with Peer(echo.port, subprotocol=case.subprotocol, extensions=case.extensions) as peer:
        assert peer.handshake.status == 101
        for each in case.rounds:
            expected += each.expected
            peer.exchange(each.chunks, len(expected))
            assert said(peer.events)[: len(expected)] == expected
        if not (expected and expected[-1].kind == "close"):
            expected.append(closed(1000, b"bye"))
            peer.exchange([frame(CLOSE, b"\x03\xe8bye")], len(expected))
        peer.end_stream()  # a client is done once it has the close; the server ends its side by itself
        peer.exchange([], len(expected) + 1)
    assert said(peer.events) == [*expected, END]


def said(events: Iterable[Event]) -> list[Event]:
    """What came, without the pings of the keep-alive and without the words of who failed a connection."""
    return [
        event._replace(payload=b"") if event.kind == "close" and event.code in VIOLATIONS else event
        for event in events
        if event != Event("ping")
    ]
