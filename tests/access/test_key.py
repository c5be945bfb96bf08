"""Keys and their texts."""

import dataclasses
import hashlib
import re
import string
import traceback

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewatch.access.grant import PublishGrant
from tradewatch.access.key import Key, Scope, digest_of, key_id_in, mint
from tradewatch.errors import KeyStoreError

NOW_NS = 1_767_389_239_253_000_000
DIGITS = string.digits + string.ascii_lowercase + string.ascii_uppercase


def minted(**changes: object) -> tuple[Key, str]:
    return mint(**{"name": "desk", "plan": "standard", "now_ns": NOW_NS, **changes})


def test_the_text_is_prefix_id_and_secret():
    key, text = minted()
    assert re.fullmatch(r"tw_[0-9a-z]{12}_[0-9a-zA-Z]{43}", text)
    assert text.split("_")[1] == key.id == key_id_in(text)


def test_a_key_keeps_what_it_was_minted_with():
    grant = PublishGrant(symbols=("BTC*",), may_create=False)
    key, text = minted(plan="unlimited", scopes=[Scope.DRILL, Scope.PUBLISH, Scope.DRILL], grant=grant)
    assert key == Key(
        id=key.id,
        name="desk",
        plan="unlimited",
        scopes=frozenset({Scope.PUBLISH, Scope.DRILL}),
        grant=grant,
        created_ns=NOW_NS,
        revoked_ns=None,
        digest=hashlib.sha256(text.encode()).digest(),
    )


def test_its_times_as_people_read_them():
    key = minted()[0]
    assert (key.created_utc, key.revoked_utc) == ("2026-01-02T21:27:19Z", None)
    assert dataclasses.replace(key, revoked_ns=NOW_NS + 60 * 10**9).revoked_utc == "2026-01-02T21:28:19Z"


def test_no_two_texts_are_alike():
    assert len({minted()[1] for _ in range(1_000)}) == 1_000


@given(st.binary(min_size=32, max_size=32))
@settings(deadline=None)
def test_the_secret_holds_all_256_bits(random: bytes):
    asked: list[int] = []

    def random_bytes(count: int) -> bytes:
        asked.append(count)
        return random

    secret = minted(random_bytes=random_bytes)[1].split("_")[2]
    assert sum(DIGITS.index(digit) * 62**place for place, digit in enumerate(secret)) == int.from_bytes(
        random
    )
    assert asked == [32, 32]


def test_neither_secret_nor_digest_is_in_what_a_key_shows():
    key, text = minted()
    secret = text.split("_")[2]
    for shown in (repr(key), str(key), f"{key}", repr([key]), repr({"key": key})):
        assert "desk" in shown
        assert secret not in shown
        assert "digest" not in shown
        assert repr(key.digest) not in shown
        assert key.digest.hex() not in shown


@pytest.mark.parametrize("name", ["a", "Ä desk, 3rd floor", "x" * 64, "価格"])
def test_names(name: str):
    assert minted(name=name)[0].name == name


@pytest.mark.parametrize("name", ["", " ", "x" * 65, "a\nb", " a", "a ", "\x1b[31mred", "a\u200bb", "a\x00"])
def test_what_is_no_name_is_refused(name: str):
    with pytest.raises(KeyStoreError, match="not a name for a key"):
        minted(name=name)


def test_a_key_given_as_a_name_is_refused_and_not_repeated():
    text = minted()[1]
    with pytest.raises(KeyStoreError, match="may not begin with 'tw_'") as caught:
        minted(name=text)
    assert text not in "".join(traceback.format_exception(caught.value))


GOOD = "tw_0123456789ab_" + "A" * 43


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tw_",
        GOOD[:-1],
        GOOD + "A",
        GOOD + "\n",
        " " + GOOD,
        GOOD.upper(),
        GOOD.replace("tw_", "tx_"),
        GOOD.replace("b_", "b-"),
        GOOD.replace("ab", "AB"),
        GOOD.replace("AAA", "A_A"),
        GOOD.replace("ab", "aé"),
        GOOD.replace("0", "٠"),
        "\udcff" * 59,
        GOOD * 100_000,
    ],
)
def test_other_texts_have_no_id(text: str):
    assert key_id_in(GOOD) == "0123456789ab"
    assert key_id_in(text) is None


def test_the_digest_is_the_sha256_of_the_whole_text():
    assert digest_of("abc").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
