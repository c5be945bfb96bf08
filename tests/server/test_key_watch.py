"""The key watch: what the store holds comes into force, in order, whoever asks for it and whatever fails."""

import asyncio
import logging
import threading
from typing import Any
from unittest.mock import Mock

import pytest

from tradewatch.access.key import Key, mint
from tradewatch.access.keyring import KeyRing
from tradewatch.access.tickets import Tickets
from tradewatch.errors import KeyStoreError
from tradewatch.server import key_watch
from tradewatch.server.key_watch import KeyWatch
from tradewatch.server.stream.registry import Connections

DEADLINE_S = 10.0


class StubStore:
    """A store in memory, which can be slow or not answer at all."""

    def __init__(self) -> None:
        self.keys: list[Key] = []
        self.loads = 0
        self.trouble = ""
        self.loaded: list[Key] | None = None
        self.reading = threading.Event()
        self.may_answer = threading.Event()
        self.may_answer.set()

    def changed(self) -> bool:
        if self.trouble:
            raise KeyStoreError(self.trouble)
        return self.loaded != self.keys

    def load(self) -> list[Key]:
        self.loads += 1
        self.loaded = list(self.keys)
        keys = list(self.keys)
        self.reading.set()
        assert self.may_answer.wait(DEADLINE_S)
        return keys


@pytest.fixture
def store() -> StubStore:
    return StubStore()


@pytest.fixture
def ring() -> KeyRing:
    return KeyRing()


def watching(store: StubStore, ring: KeyRing) -> KeyWatch:
    return KeyWatch(
        store,  # type: ignore[arg-type]
        ring,
        tickets=Tickets(),
        entrance=Mock(),
        connections=Connections(max_connections=10),
    )


def key(name: str) -> Key:
    return mint(name=name, plan="standard", now_ns=0)[0]


async def test_what_changed_is_in_force_when_it_was_looked(store: StubStore, ring: KeyRing) -> None:
    one = key("one")
    store.keys = [one]
    watch = watching(store, ring)
    await watch.look()
    assert ring.get(one.id) == one
    await watch.look()
    assert store.loads == 1, "nothing has changed"
    store.keys = []
    await watch.look()
    assert ring.get(one.id) is None


async def test_an_older_reading_never_takes_the_place_of_a_newer_one(store: StubStore, ring: KeyRing) -> None:
    """A key is made while the store is read: who made it comes back when it is good, and it stays so."""
    one, two = key("one"), key("two")
    store.keys = [one]
    watch = watching(store, ring)
    store.may_answer.clear()
    first = asyncio.create_task(watch.look())
    assert await asyncio.to_thread(store.reading.wait, DEADLINE_S)
    store.keys = [one, two]
    second = asyncio.create_task(watch.look())
    await asyncio.sleep(0)
    store.may_answer.set()
    await second
    assert ring.get(two.id) == two
    await first
    assert ring.get(two.id) == two
    assert ring.get(one.id) == one


async def test_a_store_that_does_not_answer_is_told_of_once(
    store: StubStore, ring: KeyRing, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_watch, "_POLL_S", 0.001)
    caplog.set_level(logging.INFO)
    one = key("one")
    store.keys = [one]
    store.trouble = "locked"
    looks = 0

    def changed(known: Any = store.changed) -> bool:
        nonlocal looks
        looks += 1
        answer: bool = known()
        return answer

    monkeypatch.setattr(store, "changed", changed)
    watch = watching(store, ring)
    with pytest.raises(KeyStoreError, match="locked"):
        await watch.look()
    running = asyncio.create_task(watch.run())
    async with asyncio.timeout(DEADLINE_S):
        while looks < 5:
            await asyncio.sleep(0)
        store.trouble = ""
        while ring.get(one.id) is None:
            await asyncio.sleep(0)
    running.cancel()
    assert [record.getMessage() for record in caplog.records] == [
        "changes of the API keys are not seen: locked",
        "changes of the API keys are seen again",
    ]
