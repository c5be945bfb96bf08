"""Entry: from a request's credentials to its key, or to the answer that refuses it."""

from collections.abc import Mapping

from tradewatch.access.key import Key, Scope
from tradewatch.access.keyring import KeyRing
from tradewatch.access.tickets import Ticket, Tickets
from tradewatch.protocol.credentials import key_text
from tradewatch.protocol.refusal import Refusal, RefusalReason

_MESSAGES = {
    RefusalReason.KEY_MISSING: "an API key is needed, in the header api-key or the query parameter api-key",
    RefusalReason.KEY_UNKNOWN: "nobody has this API key",
    RefusalReason.KEY_REVOKED: "this API key was revoked",
    RefusalReason.TICKET_EXPIRED: "this ticket was used, has expired, or never was",
}


def enter(
    ring: KeyRing, headers: Mapping[str, str], query: Mapping[str, str], *, scope: Scope | None = None
) -> Key | Refusal:
    """The key of a request, or its refusal: 401 without a good key, 403 without the scope.

    Args:
        ring: the keys that are good now.
        headers: by lower-case name.
        query: the parameters.
        scope: what the key must hold besides being one.
    """
    checked = ring.check(key_text(headers, query))
    if isinstance(checked, RefusalReason):
        return Refusal(401, checked, _MESSAGES[checked])
    if scope is not None and scope not in checked.scopes:
        return Refusal(403, RefusalReason.SCOPE_MISSING, f"this API key does not have the {scope} scope")
    return checked


def enter_by_ticket(
    ring: KeyRing, tickets: Tickets, query: Mapping[str, str], *, now_s: float
) -> tuple[Key, Ticket] | Refusal:
    """The key that a request's ticket stands for, and the ticket, which is still good; or its refusal: 401.

    Args:
        ring: the keys that are good now.
        tickets: the tickets that are.
        query: the parameters, `ticket` among them.
        now_s: seconds that never go back.
    """
    ticket = tickets.peek(query["ticket"], now_s)
    key = None if isinstance(ticket, RefusalReason) else ring.get(ticket.key_id)
    if isinstance(ticket, RefusalReason) or key is None:
        reason = RefusalReason.TICKET_EXPIRED
        return Refusal(401, reason, _MESSAGES[reason])
    return key, ticket
