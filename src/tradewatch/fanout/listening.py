"""Listening: what one connection hears, moved from leg to leg as its subscriptions change.

A leg is a delivery, by names or by the pattern of one class. An instrument is in one leg at most, so nobody
hears a quote twice; who moves from one to another goes on where it stood.
"""

from collections.abc import Collection, Iterable
from typing import Protocol

from tradewatch.fanout.hub import Hub, LegName, pattern_mask
from tradewatch.fanout.member import Member
from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import Instrument


class Members(Protocol):
    """Knows the instruments of a class."""

    def members(self, asset_class: AssetClass) -> Iterable[Instrument]:
        """All of them."""
        ...


class Listening:
    """One connection's legs.

    Args:
        hub: fans out.
        member: the connection's place in it.
        catalogue: knows what a pattern covers.
    """

    def __init__(self, hub: Hub, member: Member, catalogue: Members) -> None:
        self._hub = hub
        self._member = member
        self._catalogue = catalogue

    def hear(
        self, instruments: Iterable[Instrument], *, interval_ms: int = 0, snapshot: bool = False
    ) -> None:
        """Hear these by name, in this delivery, however they were heard before.

        Args:
            instruments: in any number.
            interval_ms: 0 for every quote.
            snapshot: whether the newest quote of those that were not heard comes first.
        """
        self._assign(instruments, (interval_ms, 0), snapshot=snapshot)

    def forget(self, instruments: Iterable[Instrument], *, left_out: Collection[int] = ()) -> None:
        """Hear these no longer by name; where a pattern covers one, it is heard by that.

        Args:
            instruments: in any number.
            left_out: ids of those that no pattern brings, though one covers them.
        """
        by_leg: dict[LegName | None, list[Instrument]] = {}
        for instrument in instruments:
            to = None if instrument.id in left_out else self._pattern_of(instrument.asset_class)
            by_leg.setdefault(to, []).append(instrument)
        for to, moved in by_leg.items():
            self._assign(moved, to)

    def hear_class(self, asset_class: AssetClass, *, interval_ms: int = 0, snapshot: bool = False) -> None:
        """Hear a whole class, present and to come, but for what is heard by name."""
        leg_name = (interval_ms, pattern_mask([asset_class]))
        self._hub.open(self._member, leg_name)
        unheard = [
            instrument
            for instrument in self._catalogue.members(asset_class)
            if self._hub.leg_of(self._member, instrument.id) is None
        ]
        self._assign(unheard, leg_name, snapshot=snapshot)

    def change_class(self, asset_class: AssetClass, *, interval_ms: int) -> None:
        """Hear the class of a pattern in another delivery; each goes on where it stood."""
        old = self._pattern_of(asset_class)
        new = (interval_ms, pattern_mask([asset_class]))
        if old is None or old == new:
            return
        positions = self._hub.fold(self._member, old)
        self._hub.open(self._member, new)
        self._hub.join(self._member, new, positions)

    def forget_class(self, asset_class: AssetClass) -> None:
        """Hear a class no longer, but for what is heard by name."""
        leg_name = self._pattern_of(asset_class)
        if leg_name is not None:
            self._hub.fold(self._member, leg_name)

    def _pattern_of(self, asset_class: AssetClass) -> LegName | None:
        mask = pattern_mask([asset_class])
        return next((leg_name for leg_name in self._member.legs if leg_name[1] == mask), None)

    def _assign(
        self, instruments: Iterable[Instrument], to: LegName | None, *, snapshot: bool = False
    ) -> None:
        """Move each instrument from the leg that has it, if any, to another, if any."""
        moving: dict[LegName | None, list[Instrument]] = {}
        for instrument in instruments:
            leg_name = self._hub.leg_of(self._member, instrument.id)
            if leg_name != to:
                moving.setdefault(leg_name, []).append(instrument)
        for leg_name, moved in moving.items():
            if leg_name is None:
                heads = {instrument.id: self._hub.head(instrument) for instrument in moved}
                positions = {i: head - 1 if snapshot and head else head for i, head in heads.items()}
            else:
                positions = self._hub.leave(self._member, leg_name, [instrument.id for instrument in moved])
                self._hub.fold_if_empty(self._member, leg_name)
            if to is not None:
                self._hub.join(self._member, to, positions)
