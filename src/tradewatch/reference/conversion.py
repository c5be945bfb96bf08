"""Conversions: what one currency is worth in another by the quotes of pairs, exactly."""

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import islice
from typing import NamedTuple

from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import Instrument

#: The classes whose instruments are pairs.
PAIRED = (AssetClass.CURRENCIES, AssetClass.CRYPTO)
#: Through these a rate is looked for first.
INTERMEDIATES = ("USD", "EUR", "GBP", "BTC", "USDT")
#: So many others are tried after them.
_MAX_OTHERS = 500

#: What crypto assets are quoted in, beside money.
_COINS = ("FDUSD", "USDT", "USDC", "BTC", "ETH", "BNB", "SOL", "DAI")
#: The money they are quoted in; BUSD and TUSD are not here, for too many codes end in B or T: BNBUSD.
_MONEY = (
    *(
        "USD",
        "EUR",
        "GBP",
        "JPY",
        "CHF",
        "AUD",
        "CAD",
        "NZD",
        "SGD",
        "HKD",
        "TRY",
        "BRL",
        "MXN",
        "KRW",
        "INR",
    ),
    *(
        "IDR",
        "THB",
        "ZAR",
        "PLN",
        "CZK",
        "SEK",
        "NOK",
        "DKK",
        "AED",
        "UAH",
        "NGN",
        "ARS",
        "COP",
        "VND",
        "ILS",
    ),
)
_QUOTED_IN = frozenset(_COINS + _MONEY)
_CODE_CHARS = 3
_LONGEST_QUOTED_IN = max(map(len, _QUOTED_IN))

#: The mid of an instrument; None where it has not been quoted.
MidOf = Callable[[Instrument], Fraction | None]


class Rate(NamedTuple):
    """What one unit of a currency is worth in another.

    Attributes:
        value: exactly, by these quotes.
        path: the instruments whose quotes it is made of: none, one or two.
    """

    value: Fraction
    path: tuple[Instrument, ...] = ()


class Conversions:
    """The pairs of currencies and crypto, by their codes."""

    def __init__(self) -> None:
        self._pairs: dict[AssetClass, dict[tuple[str, str], Instrument]] = {each: {} for each in PAIRED}
        self._partners: dict[AssetClass, dict[str, set[str]]] = {each: {} for each in PAIRED}

    def add(self, instrument: Instrument) -> None:
        """Take an instrument in; one that is no pair is left out."""
        codes = codes_of(instrument)
        if codes is None:
            return
        base, quote = codes
        self._pairs[instrument.asset_class][codes] = instrument
        partners = self._partners[instrument.asset_class]
        partners.setdefault(base, set()).add(quote)
        partners.setdefault(quote, set()).add(base)

    def knows(self, code: str, classes: Sequence[AssetClass]) -> bool:
        """Whether a code is in any pair of these classes."""
        return any(code in self._partners[asset_class] for asset_class in classes)

    def rate(self, base: str, quote: str, classes: Sequence[AssetClass], mid_of: MidOf) -> Rate | None:
        """What one `base` is worth in `quote`; None where no quotes lead there.

        The same currency is 1. Otherwise the pair itself counts, else the inverse of the pair written the
        other way, else two such steps through one currency: `INTERMEDIATES` in their order, then any other
        in the order of the alphabet.

        Args:
            base: the code to convert from, upper case.
            quote: the code to convert to, upper case.
            classes: where to look for each step, in this order.
            mid_of: the mid of an instrument.
        """
        if base == quote:
            return Rate(Fraction(1))
        direct = self._step(base, quote, classes, mid_of)
        if direct is not None:
            return direct
        for between in self._intermediates(base, quote, classes):
            first = self._step(base, between, classes, mid_of)
            second = first and self._step(between, quote, classes, mid_of)
            if first and second:
                return Rate(first.value * second.value, first.path + second.path)
        return None

    def _step(self, base: str, quote: str, classes: Sequence[AssetClass], mid_of: MidOf) -> Rate | None:
        """The rate of a pair that is quoted, or of its inverse."""
        for asset_class in classes:
            pairs = self._pairs[asset_class]
            pair, inverse = pairs.get((base, quote)), pairs.get((quote, base))
            if pair is not None and (mid := mid_of(pair)) is not None and mid > 0:
                return Rate(mid, (pair,))
            if inverse is not None and (mid := mid_of(inverse)) is not None and mid > 0:
                return Rate(1 / mid, (inverse,))
        return None

    def _intermediates(self, base: str, quote: str, classes: Sequence[AssetClass]) -> Iterator[str]:
        """The codes that share a pair with both."""
        common = self._partners_of(base, classes) & self._partners_of(quote, classes)
        yield from (code for code in INTERMEDIATES if code in common)
        yield from islice(sorted(common.difference(INTERMEDIATES)), _MAX_OTHERS)

    def _partners_of(self, code: str, classes: Sequence[AssetClass]) -> set[str]:
        """The codes that share a pair with this one."""
        return set().union(*(self._partners[asset_class].get(code, ()) for asset_class in classes))


def codes_of(instrument: Instrument) -> tuple[str, str] | None:
    """The two codes of a pair: what is priced, and in what; None where the instrument is no pair.

    A pair of currencies has twice three letters. Crypto assets have codes of any length, so theirs end in
    one of the codes that such assets are quoted in, the longest that fits.
    """
    symbol = instrument.symbol
    if instrument.asset_class is AssetClass.CURRENCIES:
        is_pair = len(symbol) == 2 * _CODE_CHARS and symbol.isalpha()
        return (symbol[:_CODE_CHARS], symbol[_CODE_CHARS:]) if is_pair else None
    if instrument.asset_class is AssetClass.CRYPTO:
        for length in range(min(_LONGEST_QUOTED_IN, len(symbol) - 1), _CODE_CHARS - 1, -1):
            if symbol[-length:] in _QUOTED_IN:
                return symbol[:-length], symbol[-length:]
    return None
