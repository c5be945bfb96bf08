"""The five asset classes of the stream."""

from enum import StrEnum


class AssetClass(StrEnum):
    """What is quoted; the value is the name on the wire and in every path.

    Source: the channels of the public service, `docs/reference/protocol.md`.
    """

    CURRENCIES = "currencies"
    CRYPTO = "crypto"
    STOCKS = "stocks"
    INDICES = "indices"
    COMMODITIES = "commodities"

    @property
    def mid_decimals(self) -> int:
        """The fewest decimals a mid price is rounded to: 5, crypto 8."""
        return 8 if self is AssetClass.CRYPTO else 5

    @property
    def prices_may_fall_below_zero(self) -> bool:
        """Whether zero and negative prices are prices here (oil, 20 April 2020)."""
        return self is AssetClass.COMMODITIES


#: Stable numbers of the classes in the binary record; never reorder.
CLASS_NUMBERS: dict[AssetClass, int] = {
    asset_class: number for number, asset_class in enumerate(AssetClass, 1)
}
CLASS_BY_NUMBER: dict[int, AssetClass] = {
    number: asset_class for asset_class, number in CLASS_NUMBERS.items()
}

_BY_NAME = {asset_class.value: asset_class for asset_class in AssetClass}


def asset_class_named(text: str) -> AssetClass | None:
    """The class of this name, in any case; None where there is none."""
    return _BY_NAME.get(text.lower())
