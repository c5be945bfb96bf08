"""Rights: what of everything there is one connection may hear."""

from collections.abc import Callable

import msgspec

from tradewatch.model.asset_class import AssetClass

_ALL_CLASSES = tuple(AssetClass)


class Rights(msgspec.Struct, frozen=True, kw_only=True):
    """One value for all connections that may hear the same.

    Attributes:
        classes: the asset classes, in their usual order.
        wildcard: whether patterns may be subscribed.
        allows: whether a symbol of those classes may be heard, where some may not; None where all may.
    """

    classes: tuple[AssetClass, ...] = _ALL_CLASSES
    wildcard: bool = True
    allows: Callable[[AssetClass, str], bool] | None = None


#: The rights of whoever may hear everything.
EVERYTHING_HEARD = Rights()
