"""`/account/keys`: an admin key makes, lists and revokes keys, and gives only what it holds."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.server.rest.conftest import House

from tradewatch.access.grant import EVERYTHING, PublishGrant
from tradewatch.access.key import Key, Scope
from tradewatch.access.keyring import KeyRing
from tradewatch.access.store import KeyStore
from tradewatch.errors import KeyStoreError
from tradewatch.model.asset_class import AssetClass
from tradewatch.protocol.cursor import Cursors
from tradewatch.server.rest.keys import key_routes

CRYPTO, STOCKS = AssetClass.CRYPTO, AssetClass.STOCKS
ADMIN, PUBLISH, DRILL = Scope.ADMIN, Scope.PUBLISH, Scope.DRILL


class Office:
    """The routes over a real store, and the key that asks."""

    def __init__(self, house: House, data_dir: Path) -> None:
        self.house = house
        self.store = KeyStore.open(data_dir, clock=house.clock)
        self.be("standard", ADMIN)

    def be(self, plan: str, *scopes: Scope, grant: PublishGrant = EVERYTHING) -> Key:
        """Whoever asks from now on has a key like this."""
        key, self.text = self.house.key(plan, *scopes, grant=grant)
        return key

    async def ask(self, method: str, path: str = "/account/keys", **options: Any) -> httpx.Response:
        routes = key_routes(
            self.house.gate,
            self.store,
            self.house.ring,
            permits=lambda: self.house.permits,
            cursors=Cursors(b"s" * 32),
            refresh=self.refresh,
        )
        async with self.house.client(routes, key=self.text) as client:
            return await client.request(method, path, **options)

    async def refresh(self) -> None:
        self.house.ring.replace(self.store.load())

    async def make(self, **asked: Any) -> httpx.Response:
        return await self.ask("POST", json=asked)

    async def made(self, **asked: Any) -> dict[str, Any]:
        answer = await self.make(**asked)
        assert answer.status_code == 201, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def refused(self, method: str, path: str = "/account/keys", **options: Any) -> tuple[int, str, str]:
        answer = await self.ask(method, path, **options)
        error = answer.json()["error"]
        assert answer.status_code == error["code"]
        return error["code"], error["reason"], error["message"]


@pytest.fixture
def office(house: House, tmp_path: Path) -> Iterator[Office]:
    office = Office(house, tmp_path)
    yield office
    office.store.close()


async def test_a_new_key_is_good_at_once_and_its_secret_shown_once(office: Office) -> None:
    answer = await office.make(name="desk")
    assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
    body = answer.json()
    text = body.pop("key")
    key = office.house.ring.check(text)
    assert isinstance(key, Key)
    assert [key] == office.store.load()
    assert body == {
        "id": key.id,
        "name": "desk",
        "plan": "standard",
        "scopes": [],
        "publish": None,
        "created": "2026-01-02T21:27:19Z",
        "revoked": None,
    }
    for path in ("/account/keys", "/account/keys/desk", f"/account/keys/{key.id}"):
        shown = await office.ask("GET", path)
        assert shown.status_code == 200
        assert text not in shown.text
        assert key.digest.hex() not in shown.text


async def test_a_key_with_everything(office: Office) -> None:
    office.be("unlimited", ADMIN, PUBLISH, DRILL)
    publish = {"classes": ["crypto"], "symbols": ["btc*"], "may_create": False}
    body = await office.made(name="feed 7", plan="coins", scopes=["publish", "admin"], publish=publish)
    assert body["publish"] == {"classes": ["crypto"], "symbols": ["BTC*"], "may_create": False}
    (key,) = office.store.load()
    assert (key.name, key.plan, key.scopes) == ("feed 7", "coins", {PUBLISH, ADMIN})
    assert key.grant == PublishGrant(classes=frozenset({CRYPTO}), symbols=("BTC*",), may_create=False)


async def test_what_is_not_said_is_as_the_asking_key_has_it(office: Office) -> None:
    grant = PublishGrant(classes=frozenset({CRYPTO}))
    office.be("coins", ADMIN, PUBLISH, grant=grant)
    await office.made(name="reader")
    await office.made(name="feed", scopes=["publish"])
    reader, feed = sorted(office.store.load(), key=lambda key: key.name, reverse=True)
    assert (reader.plan, reader.scopes, reader.grant) == ("coins", frozenset(), EVERYTHING)
    assert (feed.plan, feed.scopes, feed.grant) == ("coins", {PUBLISH}, grant)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            {"scopes": ["drill", "publish", "admin"]},
            "the key that asks does not have the drill scope itself",
        ),
        (
            {"scopes": ["publish"], "publish": {}},
            "the key that asks may not publish as much itself",
        ),
        (
            {"scopes": ["publish"], "publish": {"classes": ["crypto", "stocks"]}},
            "the key that asks may not publish as much itself",
        ),
        (
            {"plan": "standard"},
            "plan 'standard' gives more than that of the key that asks: asset_classes",
        ),
        (
            {"plan": "unlimited"},
            (
                "plan 'unlimited' gives more than that of the key that asks: asset_classes, connections,"
                " attempts_limited, requests_per_10_s, requests_per_minute, requests_per_day"
            ),
        ),
    ],
)
async def test_nobody_gives_more_than_they_hold(
    office: Office, asked: dict[str, object], message: str
) -> None:
    office.be("coins", ADMIN, PUBLISH, grant=PublishGrant(classes=frozenset({CRYPTO})))
    assert await office.refused("POST", json={"name": "a", **asked}) == (403, "exceeds_own_key", message)
    assert office.store.load() == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", "missing required field `name`"),
        ("{", "Input data was truncated"),
        ('{"name": 5}', "Expected `str`, got `int`"),
        ('{"name": "a", "scope": ["admin"]}', "unknown field `scope`"),
        ('{"name": "a", "scopes": ["root"]}', "Invalid enum value 'root'"),
        ('{"name": "a", "plan": "gold"}', "no plan is called 'gold'; the plans are demo,"),
        ('{"name": ""}', "not a name for a key: ''"),
        ('{"name": "tw_x"}', "may not begin with 'tw_'"),
        ('{"name": "a", "publish": {}}', "needs the publish scope"),
        ('{"name": "a", "scopes": ["publish"], "publish": {"symbols": ["?"]}}', "not a symbol pattern: '?'"),
    ],
)
async def test_what_does_not_fit_is_named(office: Office, body: str, said: str) -> None:
    office.be("standard", ADMIN, PUBLISH)
    code, reason, message = await office.refused("POST", content=body)
    assert (code, reason) == (422, "invalid_request")
    assert said in message
    assert office.store.load() == []


async def test_a_name_is_taken_until_its_key_is_revoked(office: Office) -> None:
    first = await office.made(name="desk")
    code, reason, message = await office.refused("POST", json={"name": "desk"})
    assert (code, reason) == (409, "name_taken")
    assert "'desk'" in message
    assert (await office.ask("DELETE", "/account/keys/desk")).status_code == 204
    second = await office.made(name="desk")
    assert (await office.ask("GET", "/account/keys/desk")).json()["id"] == second["id"]
    assert (await office.ask("GET", f"/account/keys/{first['id']}")).json()["revoked"] is not None


async def test_a_full_store_says_so(office: Office) -> None:
    office.store._max_keys = 1
    await office.made(name="desk")
    assert await office.refused("POST", json={"name": "b"}) == (
        409,
        "too_many_keys",
        "the store holds 1 keys, revoked ones included, and takes no more",
    )


@pytest.mark.parametrize("by", ["name", "id"])
async def test_a_revoked_key_is_no_longer_good(office: Office, by: str) -> None:
    body = await office.made(name="a/b ü")
    answer = await office.ask("DELETE", f"/account/keys/{body[by]}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert office.house.ring.check(body["key"]) == "key_revoked"
    code, reason, message = await office.refused("DELETE", f"/account/keys/{body['id']}")
    assert (code, reason) == (404, "not_found")
    assert "is revoked already" in message


async def test_a_key_may_revoke_itself(office: Office) -> None:
    office.text = (await office.made(name="me", scopes=["admin"]))["key"]
    assert (await office.ask("DELETE", "/account/keys/me")).status_code == 204
    assert (await office.refused("GET"))[:2] == (401, "key_revoked")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_an_unknown_key_is_not_found_and_a_secret_not_repeated(office: Office, method: str) -> None:
    assert (await office.refused(method, "/account/keys/nobody"))[:2] == (404, "not_found")
    stranger = f"tw_{'0' * 12}_{'S' * 43}"
    answer = await office.ask(method, f"/account/keys/{stranger}")
    assert answer.status_code == 404
    assert "SSS" not in answer.text


async def test_a_key_is_found_by_its_text_too(office: Office) -> None:
    body = await office.made(name="desk")
    shown = await office.ask("GET", f"/account/keys/{body['key']}")
    assert shown.json()["name"] == "desk"
    assert body["key"] not in shown.text
    assert (await office.ask("DELETE", f"/account/keys/{body['key']}")).status_code == 204


async def test_the_list_comes_in_pages(office: Office) -> None:
    for number in range(5):
        await office.made(name=f"k{number}")
        office.house.clock.advance(1)
    names, cursor = [], None
    for _ in range(3):
        page = (await office.ask("GET", params={"size": 2} | ({"cursor": cursor} if cursor else {}))).json()
        names.append([item["name"] for item in page["items"]])
        cursor = page["next_page"]
    assert (names, cursor, page["total"]) == ([["k0", "k1"], ["k2", "k3"], ["k4"]], None, 5)
    wrong = await office.ask("GET", params={"size": 1_001})
    assert (wrong.status_code, wrong.json()["detail"][0]["loc"]) == (422, ["query", "size"])
    forged = await office.ask("GET", params={"cursor": "AAAA"})
    assert (forged.status_code, forged.json()["detail"][0]["loc"]) == (422, ["query", "cursor"])


@pytest.mark.parametrize("scopes", [(), (PUBLISH, DRILL)])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/account/keys"),
        ("GET", "/account/keys"),
        ("GET", "/account/keys/desk"),
        ("DELETE", "/account/keys/desk"),
    ],
)
async def test_only_admins_may(office: Office, scopes: tuple[Scope, ...], method: str, path: str) -> None:
    await office.made(name="desk")
    office.be("unlimited", *scopes)
    assert (await office.refused(method, path))[:2] == (403, "scope_missing")
    (key,) = office.store.load()
    assert key.revoked_ns is None


async def test_a_body_that_is_too_large_is_not_read(office: Office) -> None:
    body = b'{"name": "' + b"a" * (64 << 10) + b'"}'
    assert (await office.refused("POST", content=body))[:2] == (413, "body_too_large")


async def test_a_store_that_does_not_answer_is_no_fault_of_the_client(office: Office, tmp_path: Path) -> None:
    office.store.close()
    (tmp_path / "access.db").write_bytes(b"no database")
    assert (await office.refused("POST", json={"name": "desk"}))[:2] == (503, "access_unavailable")


async def test_a_key_that_was_made_is_shown_though_the_ring_does_not_have_it_yet(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails() -> None:
        raise KeyStoreError("locked")

    monkeypatch.setattr(office, "refresh", fails)
    text = (await office.made(name="desk"))["key"]
    ring = KeyRing()
    ring.replace(office.store.load())
    assert isinstance(ring.check(text), Key)
