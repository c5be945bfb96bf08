"""The key ring's answers."""

import dataclasses
import logging

import pytest

from tradewatch.access.key import Key, mint
from tradewatch.access.keyring import KeyRing
from tradewatch.protocol.refusal import RefusalReason


def minted(name: str = "desk") -> tuple[Key, str]:
    return mint(name=name, plan="standard", now_ns=1)


def revoked(key: Key) -> Key:
    return dataclasses.replace(key, revoked_ns=2)


def ring_of(*keys: Key) -> KeyRing:
    ring = KeyRing()
    ring.replace(keys)
    return ring


def test_a_good_key_is_found():
    (one, one_text), (two, two_text) = minted("one"), minted("two")
    ring = ring_of(one, two)
    assert ring.check(one_text) is one
    assert ring.check(two_text) is two


@pytest.mark.parametrize("nothing", [None, ""])
def test_no_text_is_a_missing_key(nothing: str | None):
    assert ring_of(minted()[0]).check(nothing) is RefusalReason.KEY_MISSING


def test_a_wrong_secret_is_an_unknown_key():
    key, text = minted()
    other = text[:-1] + ("a" if text[-1] != "a" else "b")
    assert ring_of(key).check(other) is RefusalReason.KEY_UNKNOWN


@pytest.mark.parametrize("text", ["x", "tw_", "tw_0123456789ab_" + "A" * 43, "é" * 59, "\udcff"])
def test_other_texts_are_unknown_keys(text: str):
    assert ring_of(minted()[0]).check(text) is RefusalReason.KEY_UNKNOWN


def test_an_empty_ring_knows_nobody():
    assert KeyRing().check(minted()[1]) is RefusalReason.KEY_UNKNOWN


def test_only_the_holder_of_the_secret_learns_of_a_revocation():
    key, text = minted()
    ring = ring_of(revoked(key))
    assert ring.check(text) is RefusalReason.KEY_REVOKED
    assert ring.check(f"tw_{key.id}_{'0' * 43}") is RefusalReason.KEY_UNKNOWN


def test_replace_names_the_keys_that_are_no_longer_good():
    kept, to_revoke, to_lose, long_revoked = (minted(name)[0] for name in ("a", "b", "c", "d"))
    new, new_text = minted("e")
    ring = KeyRing()
    assert ring.replace([kept, to_revoke, to_lose, revoked(long_revoked)]).gone == set()
    assert ring.replace([kept, revoked(to_revoke), new]).gone == {to_revoke.id, to_lose.id}
    assert ring.check(new_text) is new
    assert ring.replace([kept, revoked(to_revoke), new]) == (set(), set())


def test_a_memory_key_survives_replace():
    demo, demo_text = minted("demo")
    stored, stored_text = minted("stored")
    ring = ring_of(stored)
    ring.add_memory_key(demo)
    assert ring.check(demo_text) is demo
    assert ring.replace([]).gone == {stored.id}
    assert ring.check(demo_text) is demo
    assert ring.check(stored_text) is RefusalReason.KEY_UNKNOWN


def test_the_ring_says_nothing_of_secrets(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    key, text = minted()
    ring = ring_of(key)
    ring.check(text)
    ring.check(text[:-1])
    assert text not in repr(ring) + repr(vars(ring)) + caplog.text


def test_a_key_on_another_plan_is_changed_and_can_be_had_by_its_id():
    ring = KeyRing()
    key, _ = mint(name="desk", plan="standard", now_ns=1)
    ring.replace([key])
    moved = dataclasses.replace(key, plan="gold")
    assert ring.replace([moved]) == (set(), {key.id})
    assert ring.get(key.id) == moved
    ring.replace([dataclasses.replace(moved, revoked_ns=2)])
    assert ring.get(key.id) is None
    assert ring.get("nobody") is None
