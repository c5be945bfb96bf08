"""The key store: what it keeps, what it refuses, what other processes see."""

import dataclasses
import hashlib
import logging
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tradewatch.access.database import open_database
from tradewatch.access.grant import PublishGrant
from tradewatch.access.key import Key, Scope
from tradewatch.access.keyring import KeyRing
from tradewatch.access.store import KeyStore
from tradewatch.clock import ManualClock, SystemClock
from tradewatch.errors import KeyStoreError
from tradewatch.model.asset_class import AssetClass
from tradewatch.protocol.refusal import RefusalReason

NOW_NS = 1_767_389_239_253_000_000  # 2026-01-02T21:27:19Z


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(now_ns=NOW_NS)


@pytest.fixture
def store(tmp_path: Path, clock: ManualClock) -> Iterator[KeyStore]:
    with KeyStore.open(tmp_path, clock=clock) as store:
        yield store


def with_same_id_as_name(store: KeyStore) -> tuple[Key, Key]:
    first, _ = store.create("first", plan="demo")
    second, _ = store.create(first.id, plan="demo")
    return first, second


def test_what_was_created_is_loaded_the_oldest_first(store: KeyStore, clock: ManualClock):
    grant = PublishGrant(
        classes=frozenset({AssetClass.CRYPTO, AssetClass.STOCKS}),
        symbols=("BTC*", "ETHUSD"),
        may_create=False,
    )
    keys = [store.create("zulu", plan="standard", scopes=[Scope.PUBLISH, Scope.ADMIN], grant=grant)[0]]
    clock.advance(0.000_001)
    keys.append(store.create("alpha", plan="demo")[0])
    assert store.load() == keys
    assert keys[0].created_ns == NOW_NS
    assert keys[0].grant == grant
    assert keys[1].created_ns == NOW_NS + 1_000


def test_a_new_store_is_empty_and_stays_what_it_is(tmp_path: Path, clock: ManualClock):
    with KeyStore.open(tmp_path, clock=clock) as store:
        assert store.load() == []
        key, _ = store.create("a", plan="demo")
    for _ in range(2):
        with KeyStore.open(tmp_path, clock=clock) as store:
            assert store.load() == [key]


def test_only_the_hash_of_a_secret_is_on_disk(store: KeyStore, tmp_path: Path):
    key, text = store.create("desk", plan="standard")
    secret = text.split("_")[2].encode()
    while_open = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    store.revoke("desk")
    store.close()
    closed = (tmp_path / "access.db").read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["access.db"]
    for content in (while_open, closed):
        assert key.id.encode() in content
        assert hashlib.sha256(text.encode()).digest() in content
        assert secret not in content


def test_no_log_holds_a_secret_or_its_hash(
    tmp_path: Path, clock: ManualClock, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO, logger="sqlalchemy.engine")
    with KeyStore.open(tmp_path, clock=clock) as store:
        key, text = store.create("desk", plan="standard")
        store.load()
        with pytest.raises(KeyStoreError):
            store.create("desk", plan="standard")
        store.revoke(text)
    assert "INSERT INTO api_keys" in caplog.text  # the database's own log was on
    assert text.split("_")[2] not in caplog.text
    assert str(key.digest)[2:-1] not in caplog.text


def test_a_name_is_taken_until_its_key_is_revoked(store: KeyStore):
    first, _ = store.create("desk", plan="demo")
    with pytest.raises(KeyStoreError) as caught:
        store.create("desk", plan="standard")
    assert str(caught.value) == "a key called 'desk' exists already; revoke it first or take another name"
    store.revoke("desk")
    second, _ = store.create("desk", plan="standard")
    third = store.revoke("desk")
    assert third.id == second.id != first.id
    assert len(store.load()) == 2


@pytest.mark.parametrize("name", ["", "a\tb", "x" * 65])
def test_bad_names_are_refused_and_nothing_is_kept(store: KeyStore, name: str):
    with pytest.raises(KeyStoreError, match="not a name"):
        store.create(name, plan="demo")
    assert store.load() == []


def test_a_key_on_another_plan_is_the_same_key(store: KeyStore):
    key, _ = store.create("desk", plan="standard")
    store.load()
    changed = store.change_plan("desk", "gold")
    assert store.changed()
    assert store.load() == [changed]
    assert changed == dataclasses.replace(key, plan="gold")
    store.revoke("desk")
    with pytest.raises(KeyStoreError, match="is revoked already"):
        store.change_plan("desk", "standard")


def test_a_full_store_says_so(tmp_path: Path, clock: ManualClock):
    small = KeyStore(open_database(tmp_path), clock=clock, max_keys=2)
    small.create("a", plan="demo")
    small.create("b", plan="demo")
    small.revoke("a")
    small.load()
    with pytest.raises(KeyStoreError) as caught:
        small.create("c", plan="demo")
    assert str(caught.value) == "the store holds 2 keys, revoked ones included, and takes no more"
    assert not small.changed()
    small.close()


@pytest.mark.parametrize("handle", ["name", "id", "text"])
def test_revoke_by_name_id_or_text(store: KeyStore, clock: ManualClock, handle: str):
    key, text = store.create("desk", plan="demo")
    other, _ = store.create("other", plan="demo")
    clock.advance(1)
    revoked = store.revoke({"name": "desk", "id": key.id, "text": text}[handle])
    assert (revoked.id, revoked.revoked_ns) == (key.id, NOW_NS + 10**9)
    assert {key.id: key for key in store.load()} == {key.id: revoked, other.id: other}


def test_revoking_again_says_since_when(store: KeyStore):
    key, _ = store.create("desk", plan="demo")
    store.revoke("desk")
    store.load()
    for handle in ("desk", key.id):
        with pytest.raises(KeyStoreError) as caught:
            store.revoke(handle)
        assert str(caught.value) == f"key 'desk' ({key.id}) is revoked already, since 2026-01-02T21:27:19Z"
    assert not store.changed()


@pytest.mark.parametrize("handle", ["nobody", "", "DESK", "%"])
def test_revoking_an_unknown_key_names_it(store: KeyStore, handle: str):
    store.create("desk", plan="demo")
    with pytest.raises(KeyStoreError) as caught:
        store.revoke(handle)
    assert str(caught.value) == f"no key has the name or id {handle!r}"


def test_an_ambiguous_handle_names_both(store: KeyStore):
    first, second = with_same_id_as_name(store)
    with pytest.raises(KeyStoreError) as caught:
        store.revoke(first.id)
    assert repr(first.name) in str(caught.value)
    assert second.id in str(caught.value)
    assert store.revoke(second.id).id == second.id
    assert store.revoke(first.id).id == first.id


def test_a_text_whose_key_is_not_here_is_not_repeated(store: KeyStore):
    secret = "S" * 43
    for text in (f"tw_0123456789ab_{secret}", f"tw_0123456789ab_{secret}S"):
        with pytest.raises(KeyStoreError) as caught:
            store.revoke(text)
        assert secret not in str(caught.value)


def test_changed_counts_from_load_and_sees_every_store(store: KeyStore, tmp_path: Path, clock: ManualClock):
    assert store.changed()
    store.load()
    assert not store.changed()
    with KeyStore.open(tmp_path, clock=clock) as other:
        assert not store.changed()
        other.create("a", plan="demo")
        assert store.changed()
        assert store.changed()
        store.load()
        assert not store.changed()
        store.revoke("a")
        assert store.changed()
        assert other.changed()


def test_what_a_failed_command_left_is_no_change(store: KeyStore):
    store.create("a", plan="demo")
    store.load()
    for refused in (lambda: store.create("a", plan="demo"), lambda: store.revoke("b")):
        with pytest.raises(KeyStoreError):
            refused()
    assert not store.changed()


def wait_until(condition: Callable[[], bool], *, within_s: float) -> float:
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < within_s
        time.sleep(0.01)
    return time.monotonic() - start


def test_a_server_sees_a_revocation_by_another_process_within_a_second(store: KeyStore, tmp_path: Path):
    key, text = store.create("desk", plan="demo")
    ring = KeyRing()
    ring.replace(store.load())
    assert ring.check(text) == key
    program = "import sys; from tradewatch.cli.keys import app; app(sys.argv[1:])"
    command = [sys.executable, "-c", program, "revoke", "desk", "--data-dir", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True)
    wait_until(store.changed, within_s=1)
    assert ring.replace(store.load()).gone == {key.id}
    assert ring.check(text) is RefusalReason.KEY_REVOKED


_CREATOR = """
import sys, pathlib
from tradewatch.access.migrations import upgrade
from tradewatch.access.store import KeyStore
from tradewatch.clock import SystemClock
print("ready", flush=True)
sys.stdin.readline()
with KeyStore.open(pathlib.Path(sys.argv[1]), clock=SystemClock()) as store:
    for number in range(10):
        print(store.create(f"{sys.argv[2]}-{number}", plan="demo")[1])
"""


def test_four_processes_at_once_on_a_directory_that_does_not_exist(tmp_path: Path):
    data_dir = tmp_path / "new"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _CREATOR, str(data_dir), str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    texts = []
    for process in processes:
        output, errors = process.communicate(timeout=60)
        assert (process.returncode, errors) == (0, "")
        texts += output.split()
    with KeyStore.open(data_dir, clock=SystemClock()) as store:
        keys = store.load()
    assert sorted(key.name for key in keys) == sorted(f"{a}-{b}" for a in range(4) for b in range(10))
    ring = KeyRing()
    ring.replace(keys)
    assert {ring.check(text) for text in texts} == set(keys)
    assert [path.name for path in data_dir.iterdir()] == ["access.db"]
