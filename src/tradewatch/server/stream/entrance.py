"""The entrance: who may open a stream at all, and what they may then have."""

from tradewatch.access.attempts import Attempts
from tradewatch.access.entry import enter, enter_by_ticket
from tradewatch.access.key import Key, Scope
from tradewatch.access.keyring import KeyRing
from tradewatch.access.permit import Permit, Permits
from tradewatch.access.tickets import Tickets
from tradewatch.clock import Clock
from tradewatch.model.asset_class import AssetClass
from tradewatch.protocol.credentials import key_text
from tradewatch.protocol.origin import OriginRule
from tradewatch.protocol.refusal import Refusal, RefusalReason
from tradewatch.server.stream.channel import Head
from tradewatch.server.stream.registry import Connections, Member

#: A refusal names no more holders of a key's connections than this.
_NAMED_HOLDERS = 20


class Entrance:
    """Asked for every handshake, from the cheapest question to the dearest.

    Args:
        ring: the keys that are good now.
        tickets: the tickets that are.
        permits: what keys may have; may be replaced.
        attempts: the attempts of each address.
        origins: whose web pages may connect.
        connections: the connections there are.
        clock: the time.
    """

    def __init__(
        self,
        *,
        ring: KeyRing,
        tickets: Tickets,
        permits: Permits,
        attempts: Attempts,
        origins: OriginRule,
        connections: Connections,
        clock: Clock,
    ) -> None:
        self._ring = ring
        self._tickets = tickets
        self._attempts = attempts
        self._origins = origins
        self._connections = connections
        self._clock = clock
        self.permits = permits

    def knock(self, address: str) -> Refusal | None:
        """Count an attempt of an address; why it is not even heard, if so."""
        wait_s = self._attempts.attempt(address, self._clock.monotonic_s())
        if not wait_s:
            return None
        text = f"too many attempts from this address; come back in {wait_s} s"
        return Refusal(429, RefusalReason.TOO_MANY_ATTEMPTS, text, wait_s)

    def enter(self, head: Head, asset_class: AssetClass | None) -> Permit | Refusal:
        """What the client of a handshake may have on the stream of a class; None: of all of them."""
        if refusal := self._origins.refusal(head.headers.get("origin"), head.headers.get("host")):
            return refusal
        permit = self._permit(head)
        if isinstance(permit, Refusal):
            return permit
        plan = permit.plan
        if not plan.websocket:
            text = f"plan {plan.name!r} has no stream"
            return Refusal(403, RefusalReason.PLAN_WITHOUT_WEBSOCKET, text)
        if refusal := permit.refusal_of(asset_class) or self._full(permit):
            return refusal
        if permit.ticket is not None:  # used only now: a refusal for another reason leaves it good
            self._tickets.redeem(head.query["ticket"], self._clock.monotonic_s())
        self._forgive(permit, head)
        return permit

    def enter_publisher(self, head: Head) -> Key | Refusal:
        """The key of a handshake that may publish; a ticket cannot."""
        if refusal := self._origins.refusal(head.headers.get("origin"), head.headers.get("host")):
            return refusal
        key = enter(self._ring, head.headers, head.query, scope=Scope.PUBLISH)
        if isinstance(key, Refusal):
            return key
        permit = self.permits.enter(key)
        if isinstance(permit, Refusal):
            return permit
        if refusal := self._full(permit):
            return refusal
        self._forgive(permit, head)
        return key

    def permit_of(self, member: Member) -> Permit | None:
        """What the holder of an open connection may have now; None: nothing any more."""
        key = self._ring.get(member.key_id or "")
        return None if key is None else self.permits.of(key, member.ticket)

    def _permit(self, head: Head) -> Permit | Refusal:
        ticket = None
        if "ticket" in head.query and key_text(head.headers, head.query) is None:
            entered = enter_by_ticket(self._ring, self._tickets, head.query, now_s=self._clock.monotonic_s())
            if isinstance(entered, Refusal):
                return entered
            key, ticket = entered
        else:
            entered_by_key = enter(self._ring, head.headers, head.query)
            if isinstance(entered_by_key, Refusal):
                return entered_by_key
            key = entered_by_key
        return self.permits.enter(key, ticket)

    def _forgive(self, permit: Permit, head: Head) -> None:
        """An attempt that succeeded counts only where its plan says so."""
        if not permit.plan.attempts_limited:
            self._attempts.forgive(head.address)

    def _full(self, permit: Permit) -> Refusal | None:
        """Why one connection more is too many for a key, or for the subject of a ticket."""
        most, ticket = permit.plan.connections, permit.ticket
        most_of_subject = ticket.max_connections if ticket else None
        if most is None and most_of_subject is None:
            return None
        holders = self._connections.of_key(permit.key.id)
        if ticket is not None and most_of_subject is not None:
            own = sum(each.ticket is not None and each.ticket.subject == ticket.subject for each in holders)
            if own >= most_of_subject:
                text = f"the holder of this ticket has {most_of_subject:,} connections, and may have no more"
                return Refusal(429, RefusalReason.TOO_MANY_CONNECTIONS, text, self._connections.retry_after_s)
        if most is None or len(holders) < most:
            return None
        text = f"this key has {most:,} connections open, and may have no more"
        now_s = self._clock.monotonic_s()
        named = [
            {"address": each.address, "age_s": round(now_s - each.opened_s)}
            for each in holders[:_NAMED_HOLDERS]
        ]
        details = {"holders": named} if ticket is None else {}
        return Refusal(
            429, RefusalReason.TOO_MANY_CONNECTIONS, text, self._connections.retry_after_s, details
        )
