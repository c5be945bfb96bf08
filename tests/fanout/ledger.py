"""A client's ledger: the law of positions, kept by somebody who sees nothing but what the client reads."""

from typing import Any, NamedTuple

#: The heads of all instruments, `class:SYMBOL`, by the point of the tape that a heartbeat names.
HeadsAt = dict[str, dict[str, int]]


class Occasion(NamedTuple):
    """On which something was written: `flush`, `tick`, `request`, `resume`, `appear` or `heartbeat`."""

    number: int
    kind: str
    interval_ms: int = 0
    client: object = None


class Account:
    """Where a client stands with one symbol."""

    def __init__(self, position: int, interval_ms: int, *, snapshot: bool) -> None:
        self.start = position
        self.position = position
        self.interval_ms = interval_ms
        self.snapshot = snapshot
        self.occasion = -1
        self.bid: str | None = None


class Ledger:
    """What one v2 client knows, and what must be true of it."""

    def __init__(self, client: object, epoch: str, heads_at: HeadsAt, *, metered: bool = False) -> None:
        self.accounts: dict[str, Account] = {}
        self.heartbeats = 0
        self.pending = -1
        self._client = client
        self._metered = metered
        self._epoch = epoch
        self._heads_at = heads_at
        self._snapshots: dict[int, bool] = {}
        self._delivered = 0
        self._skipped = 0
        self._skipped_behind = 0
        self._published_before = 0

    def asks(self, request_id: int, *, snapshot: bool) -> None:
        """The client sent a request of this id."""
        self._snapshots[request_id] = snapshot

    def take(self, event: dict[str, Any], occasion: Occasion) -> None:
        """The client read an event."""
        match event["event"]:
            case "quote":
                self._quote(event, occasion)
            case "subscribed":
                for result in event["results"]:
                    if result["ok"] and "matched" not in result:
                        self._subscribed(result, event.get("id"))
            case "unsubscribed":
                for result in event["results"]:
                    if result["ok"] and "matched" not in result:
                        self._unsubscribed(result)
            case "heartbeat":
                self._heartbeat(event)
            case "lag" if occasion.kind == "resume":
                assert self._skipped_behind <= event["skipped"] <= self._skipped, event
                self._skipped_behind = 0

    def _quote(self, quote: dict[str, Any], occasion: Occasion) -> None:
        key = f"{quote['asset_class']}:{quote['symbol']}"
        account = self.accounts.get(key)
        assert account is not None, f"a quote of {key}, which is not subscribed: {quote}"
        skipped = quote.get("skipped", 0)
        assert quote["seq"] == account.position + 1 + skipped, f"{key} stood at {account.position}: {quote}"
        assert "skipped" not in quote or skipped > 0
        earned = self._metered and occasion.kind == "allow"
        mine = earned or (occasion.client is self._client and occasion.kind in ("request", "resume"))
        if account.interval_ms:
            due = occasion.kind == "tick" and occasion.interval_ms == account.interval_ms
            assert due or mine, f"every {account.interval_ms} ms, yet {occasion}: {quote}"
            assert occasion.number != account.occasion, f"twice on {occasion}: {quote}"
        else:
            assert not skipped or (mine and occasion.kind != "request"), f"skipped on {occasion}: {quote}"
        if quote.get("snapshot"):
            assert account.snapshot, f"a snapshot that nobody asked for: {quote}"
            assert mine
            assert not skipped
        account.snapshot = False
        account.occasion = occasion.number
        account.position = quote["seq"]
        account.bid = quote["bid"]
        self._delivered += 1
        self._skipped += skipped
        self._skipped_behind += skipped if occasion.kind == "resume" else 0

    def _subscribed(self, result: dict[str, Any], request_id: int | None) -> None:
        key = f"{result['asset_class']}:{result['symbol']}"
        seq, interval_ms = self._where(result)
        account = self.accounts.get(key)
        if account is not None:
            assert request_id is not None, f"announced twice: {result}"
            assert seq == account.position, f"{key} stands at {account.position}: {result}"
            account.interval_ms = interval_ms
            return
        if request_id is None:
            assert seq == 0, f"announced in the middle: {result}"
            assert result["via"].endswith("*")
        snapshot = request_id is not None and self._snapshots[request_id]
        self.accounts[key] = Account(seq, interval_ms, snapshot=snapshot)

    def _unsubscribed(self, result: dict[str, Any]) -> None:
        key = f"{result['asset_class']}:{result['symbol']}"
        if "delivery" in result:
            seq, interval_ms = self._where(result)
            account = self.accounts[key]
            assert seq == account.position, f"{key} stands at {account.position}: {result}"
            account.interval_ms = interval_ms
        elif key in self.accounts:
            account = self.accounts.pop(key)
            assert result["seq"] >= account.position
            self._published_before += account.position - account.start

    def _where(self, result: dict[str, Any]) -> tuple[int, int]:
        assert result["epoch"] == self._epoch
        delivery = result["delivery"]
        return result["seq"], delivery["interval_ms"] if delivery["mode"] == "latest" else 0

    def _heartbeat(self, sums: dict[str, Any]) -> None:
        heads = self._heads_at[sums["as_of"]]
        heard = {key: heads.get(key, 0) for key in self.accounts}
        published = sum(head - self.accounts[key].start for key, head in heard.items())
        self.heartbeats += 1
        self.pending = sum(head - self.accounts[key].position for key, head in heard.items())
        said = [sums[name] for name in ("published", "delivered", "skipped", "missing", "pending")]
        assert said[0] == sum(said[1:]), sums
        assert said == [
            self._published_before + published,
            self._delivered,
            self._skipped,
            0,
            self.pending,
        ]


class Sequence:
    """What one v1 client knows: no symbol ever goes back, or comes twice without a snapshot."""

    def __init__(self) -> None:
        self.bids: dict[str, str] = {}
        self.snapshots = False

    def take(self, message: dict[str, Any]) -> None:
        """The client read a message; bids grow from quote to quote."""
        if "bid" in message:
            key = f"{message['asset_class']}:{message['symbol']}"
            before, bid = int(self.bids.get(key, 0)), int(message["bid"])
            assert bid > before or (self.snapshots and bid == before), f"{before}, then {message}"
            self.bids[key] = message["bid"]
