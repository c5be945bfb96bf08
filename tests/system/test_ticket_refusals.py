"""Tickets that do not open: used, late, refused, one too many; nobody else notices, no log shows one."""

import http.client
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.system.scene import KEYS, Scene, Terms, play

_PATH = "/account/tickets"


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A server with the defaults."""
    with play(
        tmp_path_factory.mktemp("tickets"),
        feed="simulated?symbols=10&rate=400&class=crypto&prefix=SYM",
        heard=[f"SYM{number:05}" for number in range(10)],
        environment={},
        keys=KEYS | {"%MANY%": Terms()},
    ) as played:
        yield played


def issue(scene: Scene, **asked: Any) -> str:
    """A new ticket, as it stands in a query."""
    issued = scene.post(_PATH, asked, key="%READER%")
    assert issued.status_code == 201, issued.text
    text: str = issued.json()["ticket"]
    scene.secrets.append(text)
    return f"ticket={text}"


def test_a_used_ticket_does_not_open(scene: Scene) -> None:
    ticket = issue(scene)
    assert scene.answer(f"/?{ticket}", key=None).status == 101
    used = scene.answer(f"/?{ticket}", key=None)
    assert (used.status, used.reason) == (401, "ticket_expired")
    scene.witness.await_quote()


def test_a_late_ticket_does_not_open(scene: Scene) -> None:
    ticket = issue(scene, ttl_s=1)
    scene.await_metric("tradewatch_tickets_open", lambda count: count == 0)
    late = scene.answer(f"/?{ticket}", key=None)
    assert (late.status, late.reason) == (401, "ticket_expired")
    scene.witness.await_quote()


def test_a_ticket_that_is_refused_for_another_reason_stays_good(scene: Scene) -> None:
    """Or whoever met a full server for a moment, and is told to come back, could not."""
    ticket = issue(scene, classes=["crypto"])
    assert scene.answer(f"/stocks/quotes?{ticket}", key=None).reason == "plan_without_class"
    assert scene.answer(f"/crypto/quotes?{ticket}", key=None).status == 101
    assert scene.answer(f"/crypto/quotes?{ticket}", key=None).reason == "ticket_expired"


def test_a_page_of_another_site_does_not_use_it_up(scene: Scene) -> None:
    ticket = issue(scene)
    assert scene.answer(f"/?{ticket}", "Origin: https://evil.example", key=None).reason == "origin_refused"
    assert scene.answer(f"/?{ticket}", "Origin: http://localhost", key=None).status == 101


def test_a_key_goes_before_a_ticket(scene: Scene) -> None:
    ticket = issue(scene)
    assert scene.answer(f"/?{ticket}", key="%REVOKED%").reason == "key_revoked"
    assert scene.answer(f"/?{ticket}", key="%READER%").status == 101
    assert scene.answer(f"/?{ticket}", key=None).status == 101


def test_a_key_has_a_thousand_open_tickets_and_no_more(scene: Scene) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", scene.port, timeout=20)
    statuses = []
    for _ in range(1_001):
        connection.request("POST", _PATH, b"{}", {"api-key": scene.keys["%MANY%"]})
        answer = connection.getresponse()
        body = json.loads(answer.read())
        statuses.append(answer.status)
    connection.close()
    assert statuses == [201] * 1_000 + [429]
    assert body["error"]["reason"] == "too_many_tickets"
    assert 1 <= int(answer.headers["Retry-After"]) <= 30
    issue(scene)  # for another key there is room
    scene.witness.await_quote()
