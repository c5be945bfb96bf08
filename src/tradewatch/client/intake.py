"""Where this client stands with each symbol: the law of positions, from connection to connection. No I/O.

Nothing is resumed: each connection subscribes anew, and what the server gave to others meanwhile becomes a
gap, reckoned from the position that the new answer begins at.
"""

from collections.abc import Iterable, Mapping

import msgspec

from tradewatch.client.events import Gap, OtherEvent, Quote, StreamEvent, Violation, name_of
from tradewatch.client.reading import Told
from tradewatch.protocol.v2.events import (
    Drain,
    Error,
    Heartbeat,
    Lag,
    LimitsChanged,
    Result,
    Subscribed,
    Unsubscribed,
)

#: An epoch, and a seq in it.
Position = tuple[str, int]


class _Track:
    """One symbol.

    Attributes:
        epoch: in which its seq counts.
        base: the seq at which counting began in this epoch.
        seq: the last that was delivered, skipped or missed.
        heard: whether it is subscribed on this connection.
        level: whether the next quote is simply the next.
        told: where the server stands, where that is not `seq`; it then repeats what is had already.
        unended: the cause of a gap whose end only the next quote tells; empty where there is none.
        notices: places of the tape's own notices that came before the quotes in front of them.
    """

    __slots__ = ("base", "epoch", "heard", "level", "notices", "seq", "told", "unended")

    def __init__(self, epoch: str, seq: int, *, heard: bool) -> None:
        self.epoch = epoch
        self.base = self.seq = seq
        self.heard = self.level = heard
        self.told: int | None = None
        self.unended = ""
        self.notices: list[int] = []

    @property
    def server_seq(self) -> int:
        """Where the server stands."""
        return self.seq if self.told is None else self.told

    def reach(self, seq: int) -> None:
        """All up to here is delivered, skipped or missed, and the server stands there too."""
        self.seq = seq
        self.told = None
        self.unended = ""
        self.notices.clear()
        self.level = self.heard


class Intake:
    """Holds what the server sends against the law, and tells what did not come.

    Args:
        positions: where an earlier stream stood, by name; what is subscribed again goes on from there.

    Attributes:
        repeated: quotes that came once more after a reconnect and were left out.
        violations: what the server did against its own law.
    """

    def __init__(self, positions: Mapping[str, Position] | None = None) -> None:
        self._tracks = {
            name: _Track(epoch, seq, heard=False) for name, (epoch, seq) in (positions or {}).items()
        }
        self._closed = 0
        self._received = 0
        self._skipped = 0
        self.repeated = 0
        self.violations = 0

    @property
    def published(self) -> int:
        """Places that all symbols together went on by; an end that nobody knows adds none."""
        return self._closed + sum(track.seq - track.base for track in self._tracks.values())

    def connected(self) -> None:
        """A connection begins: nothing is subscribed on it yet."""
        for track in self._tracks.values():
            track.reach(track.seq)
            track.heard = track.level = False
        self._received = self._skipped = 0

    def take(self, events: Iterable[Told | OtherEvent]) -> tuple[list[StreamEvent], list[Told | OtherEvent]]:
        """What one message adds to the order of the stream; and all of its events that are no quotes."""
        sequence: list[StreamEvent] = []
        told: list[Told | OtherEvent] = []
        tracks = self._tracks
        for event in events:
            if type(event) is Quote:
                track = tracks.get(f"{event.asset_class}:{event.symbol}")
                self._received += 1
                self._skipped += event.skipped
                if track is not None and track.level and event.seq == track.seq + 1 + event.skipped:
                    track.seq = event.seq
                    sequence.append(event)
                else:
                    self._take_uneven(event, track, sequence)
            else:
                told.append(event)
                self._take_other(event, sequence)
        return sequence, told

    def _take_other(self, event: Told | OtherEvent, sequence: list[StreamEvent]) -> None:
        match event:
            case Gap():
                self._take_gap(event, sequence)
            case Subscribed():
                self._begin(event, sequence)
            case Unsubscribed():
                self._end(event, sequence)
            case Heartbeat():
                sequence.append(event)
                self._compare(event, sequence)
            case Lag() | LimitsChanged() | Drain() | OtherEvent() | Error(id=None):
                sequence.append(event)
            case _:  # an answer, for who asked
                pass

    def _begin(self, event: Subscribed, sequence: list[StreamEvent]) -> None:
        """Symbols are heard from here on; those that never were are told in the order of the stream."""
        begun: list[Result] = []
        gaps: list[StreamEvent] = []
        for result in event.results:
            if result.asset_class is None or result.epoch is None or result.seq is None:
                continue
            name = name_of(result.asset_class, result.symbol)
            track = self._tracks.get(name)
            if track is None:
                self._tracks[name] = _Track(result.epoch, result.seq, heard=True)
                begun.append(result)
            elif not track.heard:
                self._go_on(track, result, gaps)
            elif (track.epoch, track.server_seq) != (result.epoch, result.seq):
                at = f"{track.epoch}:{track.server_seq}"
                self._violated(f"it stands at {at}, and is answered {result.epoch}:{result.seq}", name, gaps)
        if begun:
            sequence.append(Subscribed(id=event.id, results=begun))
        sequence += gaps

    def _go_on(self, track: _Track, result: Result, sequence: list[StreamEvent]) -> None:
        """A symbol of an earlier connection is heard again: what lies between is a gap."""
        epoch, seq = result.epoch or track.epoch, result.seq or 0
        track.heard = True
        if epoch != track.epoch:
            sequence.append(_away(result, track.epoch, track.seq + 1, None, epoch))
            self._change_epoch(track, epoch)
        if seq > track.seq:
            sequence.append(_away(result, epoch, track.seq + 1, seq))
            track.seq = seq
        track.reach(track.seq)
        if seq < track.seq:
            track.told = seq
            track.level = False

    def _end(self, event: Unsubscribed, sequence: list[StreamEvent]) -> None:
        """Symbols are no longer heard."""
        ended: list[Result] = []
        for result in event.results:
            if result.asset_class is None or not result.ok or result.delivery is not None:
                continue
            track = self._tracks.pop(name_of(result.asset_class, result.symbol), None)
            if track is not None:
                self._closed += track.seq - track.base
                ended.append(result)
        if ended:
            sequence.append(Unsubscribed(id=event.id, results=ended))

    def _take_uneven(self, quote: Quote, track: _Track | None, sequence: list[StreamEvent]) -> None:
        """A quote that is not simply the next."""
        if track is None or not track.heard:
            self._violated("a quote of what is not subscribed", quote.name, sequence)
            return
        before = sum(notice < quote.seq for notice in track.notices)
        if not track.unended and quote.seq != (due := track.server_seq + 1 + quote.skipped + before):
            text = f"seq {quote.seq} after {track.server_seq}, {quote.skipped} skipped, instead of {due}"
            self._violated(text, quote.name, sequence)
        if quote.seq <= track.seq:
            self.repeated += 1
            if track.told is not None:
                track.told = quote.seq
                if quote.seq == track.seq:
                    track.reach(quote.seq)
            return
        untold = quote.seq - track.seq - 1 - quote.skipped
        if untold > 0:
            sequence.append(
                Gap(
                    asset_class=quote.asset_class,
                    symbol=quote.symbol,
                    epoch=track.epoch,
                    from_seq=track.seq + 1,
                    to_seq=track.seq + untold,
                    cause=track.unended or "unexplained",
                )
            )
        elif untold < 0:
            msgspec.structs.force_setattr(quote, "skipped", quote.skipped + untold)
        track.reach(quote.seq)
        sequence.append(quote)

    def _take_gap(self, gap: Gap, sequence: list[StreamEvent]) -> None:
        """A gap that the server tells, cut to what is not had already."""
        track = self._tracks.get(gap.name)
        if track is None or not track.heard or gap.epoch != track.epoch:
            self._violated("a gap where nothing is subscribed", gap.name, sequence)
        elif gap.seq is not None:
            self._take_notice(gap, gap.seq, track, sequence)
        else:
            if gap.from_seq != track.server_seq + 1:
                text = f"a gap from {gap.from_seq} after {track.server_seq}"
                self._violated(text, gap.name, sequence)
            if gap.to_seq is None or gap.to_seq > track.seq or gap.next_epoch is not None:
                sequence.append(msgspec.structs.replace(gap, from_seq=track.seq + 1))
            self._pass(track, gap)

    def _pass(self, track: _Track, gap: Gap) -> None:
        """Go to the end of a gap."""
        if gap.to_seq is not None:
            if gap.to_seq >= track.seq:
                track.reach(gap.to_seq)
            else:
                track.told = gap.to_seq
        if gap.next_epoch is not None:
            self._change_epoch(track, gap.next_epoch)
        elif gap.to_seq is None:
            track.reach(track.seq)
            track.unended = gap.cause
            track.level = False

    def _take_notice(self, gap: Gap, seq: int, track: _Track, sequence: list[StreamEvent]) -> None:
        """A loss upstream has a place of its own; quotes between the position and that place do not come."""
        if seq <= track.seq:
            self.repeated += 1
            return
        sequence.append(msgspec.structs.replace(gap, from_seq=track.seq + 1, to_seq=seq))
        if seq == track.server_seq + 1:
            track.reach(seq)
            return
        track.notices.append(seq)
        track.told = track.server_seq
        track.seq = seq
        track.level = False

    def _change_epoch(self, track: _Track, epoch: str) -> None:
        """The symbol goes on from 0 in another epoch."""
        self._closed += track.seq - track.base
        track.epoch = epoch
        track.base = 0
        track.reach(0)

    def _compare(self, heartbeat: Heartbeat, sequence: list[StreamEvent]) -> None:
        """The server's counts of this connection and this client's are the same at this point."""
        counted = (self._received, self._skipped)
        if (heartbeat.delivered, heartbeat.skipped) != counted:
            text = (
                f"the server says {heartbeat.delivered} delivered and {heartbeat.skipped} skipped;"
                f" {counted[0]} came, with {counted[1]} skipped"
            )
            self._violated(text, None, sequence)

    def _violated(self, message: str, name: str | None, sequence: list[StreamEvent]) -> None:
        self.violations += 1
        sequence.append(Violation(message=message if name is None else f"{name}: {message}", name=name))


def _away(result: Result, epoch: str, first: int, last: int | None, next_epoch: str | None = None) -> Gap:
    """What was given to others while this client was away."""
    return Gap(
        asset_class=str(result.asset_class),
        symbol=result.symbol,
        epoch=epoch,
        from_seq=first,
        to_seq=last,
        cause="disconnected",
        next_epoch=next_epoch,
    )
