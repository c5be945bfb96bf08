"""Permits: what the holder of a key, or of a ticket of it, may have."""

from typing import NamedTuple

from tradewatch.access.key import Key
from tradewatch.access.plan import Plan, Plans
from tradewatch.access.tickets import Ticket
from tradewatch.model.asset_class import AssetClass
from tradewatch.protocol.limits import ConnectionLimits
from tradewatch.protocol.refusal import Refusal, RefusalReason
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

    def refusal_of(self, asset_class: AssetClass | None) -> Refusal | None:
        """Why nothing of this class is shown, if so; None is no class of its own."""
        if asset_class is None or asset_class in self.rights.classes:
            return None
        text = f"plan {self.plan.name!r} does not show {asset_class.value}"
        return Refusal(403, RefusalReason.PLAN_WITHOUT_CLASS, text)


class Permits:
    """Makes permits; those of one plan share their limits and rights.

    Args:
        plans: the table of plans.
        limits: what binds every connection.

    Attributes:
        plans: the table of plans.
    """

    def __init__(self, plans: Plans, limits: ConnectionLimits) -> None:
        self.plans = plans
        self._bound = {plan.name: (plan.binds(limits), _rights(plan)) for plan in plans}

    def enter(self, key: Key, ticket: Ticket | None = None) -> Permit | Refusal:
        """The permit of a key, or of a ticket of this key; or the answer to one whose plan is gone: 403."""
        if permit := self.of(key, ticket):
            return permit
        text = f"the server has no plan called {key.plan!r}, which this key is on"
        return Refusal(403, RefusalReason.PLAN_UNKNOWN, text)

    def of(self, key: Key, ticket: Ticket | None = None) -> Permit | None:
        """The permit of a key, or of a ticket of this key; None where there is no such plan any more."""
        plan = self.plans.get(key.plan)
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
