"""A scene: a real server, the keys it knows, who tries it, and a witness who must not notice."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import httpx

from tests.system.bad_input import Case, handshake
from tests.system.intruder import Answer, Intruder, Witness, knock
from tests.system.server import Server
from tradewatch.access.grant import EVERYTHING, PublishGrant
from tradewatch.access.key import Scope
from tradewatch.access.store import KeyStore
from tradewatch.clock import SystemClock
from tradewatch.model.asset_class import AssetClass

_DEADLINE_S = 20.0
#: The witness, and the server's own canary.
_ALWAYS_THERE = 2


class Terms(NamedTuple):
    """What a key may do."""

    plan: str = "unlimited"
    publishes: PublishGrant | None = None
    revoked: bool = False


#: The keys of every scene: one reads and publishes, one reads, one publishes stocks that are known and no
#: others, one is revoked.
KEYS = {
    "%KEY%": Terms(publishes=EVERYTHING),
    "%READER%": Terms(),
    "%NARROW%": Terms(
        publishes=PublishGrant(classes=frozenset({AssetClass.STOCKS}), may_create=False),
    ),
    "%REVOKED%": Terms(revoked=True),
}


class Scene(NamedTuple):
    """What a test has before it.

    Attributes:
        server: the server.
        keys: the texts of the keys, by the names that cases have for them.
        secrets: what no line of the log may show; a test adds to it what it is given.
        intruder: carries cases out.
        witness: a client beside them.
    """

    server: Server
    keys: dict[str, str]
    secrets: list[str]
    intruder: Intruder
    witness: Witness

    @property
    def port(self) -> int:
        """Where the server listens."""
        return int(self.server.address.rpartition(":")[2])

    def try_case(self, case: Case) -> None:
        """The case gets what is documented, leaves a line in the log, and disturbs nobody."""
        logged = len(self.server.errors)
        self.intruder.try_case(case)
        self.await_line(logged)
        self.witness.await_quote()

    def answer(
        self, path: str, *headers: str, key: str | None = "%READER%", source: str = "127.0.0.1"
    ) -> Answer:
        """The answer to a handshake with this key, from this address; the connection is closed behind it."""
        text = None if key is None else self.keys[key]
        stream, answer = knock(self.port, handshake(path, *headers, key=text), source=source)
        stream.close()
        return answer

    def post(self, path: str, body: object, *, key: str) -> httpx.Response:
        """The answer to a POST with this key."""
        return httpx.post(
            f"{self.server.http}{path}", json=body, headers={"api-key": self.keys[key]}, timeout=20
        )

    def await_line(self, since: int) -> None:
        """Wait until there is a line of the access log behind so many characters of the log."""
        deadline_s = time.monotonic() + _DEADLINE_S
        while "tradewatch.access" not in self.server.errors[since:]:
            assert time.monotonic() < deadline_s, "no line in the log"
            time.sleep(0.002)

    def metric(self, name: str) -> float:
        """The value of a metric now; 0 where nothing was counted under this name yet."""
        for line in self.server.get("/metrics").text.splitlines():
            if line.startswith(f"{name} "):
                return float(line.rpartition(" ")[2])
        return 0.0

    def await_metric(self, name: str, holds: Callable[[float], bool]) -> None:
        """Wait until the value of a metric is as it should be."""
        deadline_s = time.monotonic() + _DEADLINE_S
        while not holds(value := self.metric(name)):
            assert time.monotonic() < deadline_s, f"{name} stays at {value}"
            time.sleep(0.05)

    def await_calm(self) -> None:
        """Wait until the server has let go of every connection but those that are always there."""
        self.await_metric("tradewatch_connections", lambda count: count == _ALWAYS_THERE)


@contextlib.contextmanager
def play(
    data_dir: Path,
    *,
    feed: str,
    heard: Sequence[str],
    environment: Mapping[str, str],
    keys: Mapping[str, Terms] = KEYS,
    config: str = "",
) -> Iterator[Scene]:
    """A scene, from the start of its server to its end, at which the witness is well and the log is clean.

    Args:
        data_dir: of the server.
        feed: where its quotes come from.
        heard: what the witness subscribes.
        environment: settings.
        keys: the keys that there are, `%KEY%` among them.
        config: further settings, in TOML.
    """
    texts = dict(_made(data_dir, keys))
    file = data_dir / "tradewatch.toml"
    file.write_text(config)
    given = {"PYTHONUNBUFFERED": "1", "TRADEWATCH_ACCESS_LOG": "true", "TRADEWATCH_LOG_LEVEL": "debug"}
    server = Server(
        data_dir, "--feed", feed, "--config", str(file), env={**os.environ, **given, **environment}
    )
    try:
        for asset_class in ("crypto", "stocks"):
            quote = {"asset_class": asset_class, "symbol": "TWIN", "bid": "1", "ask": "2"}
            batch = {"producer": asset_class, "batch": 1, "quotes": [quote]}
            assert server.publish(batch, key=texts["%KEY%"]).status_code == 200
        witness = Witness(server, texts["%KEY%"], heard)
        scene = Scene(server, texts, [*texts.values(), server.demo_key], Intruder(server, texts), witness)
        yield scene
        _end(scene)
    finally:
        server.kill()


def _made(data_dir: Path, keys: Mapping[str, Terms]) -> Iterator[tuple[str, str]]:
    with KeyStore.open(data_dir, clock=SystemClock()) as store:
        for name, terms in keys.items():
            key, text = store.create(
                name.strip("%").lower(),
                plan=terms.plan,
                scopes=() if terms.publishes is None else (Scope.PUBLISH,),
                grant=terms.publishes or EVERYTHING,
            )
            if terms.revoked:
                store.revoke(key.id)
            yield name, text


def _end(scene: Scene) -> None:
    """The witness was well to the end, and no secret stands in the log."""
    heartbeats = scene.witness.leave()
    assert scene.server.stop() == 0
    for said in heartbeats:
        counts = [int(said[name]) for name in ("delivered", "skipped", "missing", "pending")]
        assert int(said["published"]) == sum(counts)
        assert counts[1:3] == [0, 0]
    log = scene.server.errors
    assert "Traceback" not in log
    for secret in scene.secrets:
        # tw_<id>_<secret>, twt_<secret>; that of a ticket may have more of `_` in it
        told = secret.split("_", 1 if secret.startswith("twt_") else 2)[-1]
        assert told not in log, f"the log shows the secret of {secret[:8]}..."
