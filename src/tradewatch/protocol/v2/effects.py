"""What a v2 session decides: values, to be carried out in the order they come."""

from typing import NamedTuple

from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import Instrument
from tradewatch.protocol.delivery import Delivery
from tradewatch.protocol.v2.events import Event


class Send(NamedTuple):
    """Write these events; each fits into a message."""

    events: list[Event]


class Subscribe(NamedTuple):
    """These instruments, of which none was heard, are heard by name from here on.

    With `snapshot` the newest quote of each that was ever quoted comes first.
    """

    instruments: list[Instrument]
    delivery: Delivery
    snapshot: bool


class SubscribePattern(NamedTuple):
    """These classes, which no pattern brought, are heard whole from here on, members to come included.

    What is heard by name stays as it is. With `snapshot` the newest quote of every other member comes first.
    """

    classes: tuple[AssetClass, ...]
    delivery: Delivery
    snapshot: bool


class ChangeDelivery(NamedTuple):
    """These instruments, which are all heard, are heard by name and so from here on.

    What is pending of them goes first. There is no snapshot. Some may have been heard by a pattern until now,
    perhaps with the same delivery; they no longer depend on it.
    """

    instruments: list[Instrument]
    delivery: Delivery


class ChangePatternDelivery(NamedTuple):
    """The members of these classes that are not heard by name are heard so from here on.

    A pattern brought them already. What is pending of them goes first; there is no snapshot.
    """

    classes: tuple[AssetClass, ...]
    delivery: Delivery


class Unsubscribe(NamedTuple):
    """These instruments are no longer heard by name.

    Where a pattern brings one, it is heard as that says from here on, and what is pending of it goes first.
    """

    instruments: list[Instrument]


class UnsubscribePattern(NamedTuple):
    """No pattern brings these classes any more; what is heard by name stays as it is."""

    classes: tuple[AssetClass, ...]


Effect = (
    Send
    | Subscribe
    | SubscribePattern
    | ChangeDelivery
    | ChangePatternDelivery
    | Unsubscribe
    | UnsubscribePattern
)
