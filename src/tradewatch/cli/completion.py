"""What a shell completes: classes, symbols and plans. Never an error, and nothing heavy is imported."""

from collections.abc import Iterable

import typer

from tradewatch.errors import TradewatchError
from tradewatch.model.asset_class import AssetClass

#: In the place of a class: all of them on one connection, where names are written with their class.
_ALL = "all"


def complete_class(incomplete: str) -> list[str]:
    """The classes of `stream`, `all` among them."""
    return _beginning(incomplete, (*(asset_class.value for asset_class in AssetClass), _ALL))


def complete_symbol(context: typer.Context, incomplete: str) -> list[str]:
    """The symbols of the class that stands on the command line; of `all`, or without one, also with theirs.

    Those of the built-in instruments, and of the files that the settings name; in lower case where the user
    types so.
    """
    from tradewatch.reference.builtin import builtin_listings  # noqa: PLC0415 - for those who complete
    from tradewatch.reference.known import known_listings  # noqa: PLC0415
    from tradewatch.reference.listing import Listings  # noqa: PLC0415
    from tradewatch.settings import load_settings  # noqa: PLC0415

    try:
        settings = load_settings()
        listings = known_listings(settings.instruments, limit=settings.limits.max_instruments)
    except TradewatchError:
        listings = Listings(builtin_listings())
    asset_class = context.params.get("asset_class") or _ALL
    members = [listing for listing in listings if asset_class in (_ALL, listing.asset_class)]
    names = [listing.key for listing in members] if asset_class == _ALL else []
    if incomplete or asset_class != _ALL:  # all names of all classes, twice, would help nobody
        names += [listing.symbol for listing in members]
    if incomplete.rpartition(":")[2].islower():  # servers take any case, shells complete what was typed
        names = [name.lower() for name in names]
    return _beginning(incomplete, names)


def complete_plan(context: typer.Context, incomplete: str) -> list[str]:
    """The names of the plans, those of the settings among them."""
    from tradewatch.access.plan import Plans  # noqa: PLC0415 - for those who complete
    from tradewatch.settings import load_settings  # noqa: PLC0415

    try:
        plans = Plans(load_settings(config=context.params.get("config")).plans)
    except TradewatchError:
        plans = Plans({})
    return _beginning(incomplete, (plan.name for plan in plans))


def _beginning(incomplete: str, words: Iterable[str]) -> list[str]:
    return [word for word in words if word.startswith(incomplete)]
