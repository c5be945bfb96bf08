"""Permits: what the holder of a key, or of a ticket of it, may have."""

from typing import NamedTuple

from tradewatch.access.key import Key
from tradewatch.access.plan import Plan, Plans
from tradewatch.access.tickets import Ticket
from tradewatch.model.asset_class import AssetClass
from tradewatch.protocol.limits import ConnectionLimits
from tradewatch.protocol.rights import EVERYTHING_HEARD, Rights


class Permit(NamedTuple):
    """What one connection may have.

    Attributes:
        key: whose it is.
        plan: of the key.
        limits: what binds the connection.
        rights: what it may hear.
        ticket: the ticket that was shown in the key's place; None where the key was.
    """

    key: Key
    plan: Plan
    limits: ConnectionLimits
    rights: Rights
    ticket: Ticket | None


class Permits:
    """Makes permits; those of one plan share their limits and rights.

    Args:
        plans: the table of plans.
        limits: what binds every connection.
    """

    def __init__(self, plans: Plans, limits: ConnectionLimits) -> None:
        self._plans = plans
        self._bound = {plan.name: (plan.binds(limits), _rights(plan)) for plan in plans}

    def of(self, key: Key, ticket: Ticket | None = None) -> Permit | None:
        """The permit of a key, or of a ticket of this key; None where there is no such plan any more."""
        plan = self._plans.get(key.plan)
        if plan is None:
            return None
        limits, rights = self._bound[plan.name]
        return Permit(key, plan, limits, rights if ticket is None else _narrowed(rights, ticket), ticket)


def _rights(plan: Plan) -> Rights:
    """What a plan lets hear."""
    classes = tuple(asset_class for asset_class in AssetClass if asset_class in plan.asset_classes)
    rights = Rights(classes=classes, wildcard=plan.wildcard)
    return EVERYTHING_HEARD if rights == EVERYTHING_HEARD else rights


def _narrowed(rights: Rights, ticket: Ticket) -> Rights:
    """What is left of them for the holder of a ticket; patterns are not, where it names symbols."""
    grant = ticket.grant
    if not grant.classes and not grant.symbols:
        return rights
    classes = tuple(each for each in rights.classes if not grant.classes or each in grant.classes)
    if not grant.symbols:
        return Rights(classes=classes, wildcard=rights.wildcard)
    return Rights(classes=classes, wildcard=False, allows=grant.allows)
