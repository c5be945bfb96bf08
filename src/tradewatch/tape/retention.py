"""What of a log may be deleted: the oldest beyond a size, unless the store has yet to take it."""

#: Beyond every offset.
_NOTHING = 1 << 64


class Retention:
    """Decides, segment by segment from the oldest on, what goes. Nothing is held until `hold` says so.

    Args:
        retain_bytes: what all segments may take together.
        hold_bytes: what they may take beyond it for the sake of records that are held.

    Attributes:
        unheld_records: records that went although they were held; at most that many, where it was not known
            how many of a segment's bytes were records.
        holding: at the last look something that should have gone was held.
    """

    def __init__(self, *, retain_bytes: int, hold_bytes: int) -> None:
        self.unheld_records = 0
        self.holding = False
        self._retain_bytes = retain_bytes
        self._hold_bytes = hold_bytes
        self._held_from = _NOTHING
        self._giving_up = False

    def hold(self, offset: int) -> None:
        """Records from an offset on are held, those before it no longer."""
        self._held_from = offset

    def lets_go(self, kept_bytes: int, *, end_offset: int, crowded: bool = False) -> bool:
        """Whether the oldest segment is to go.

        Args:
            kept_bytes: what all segments take together.
            end_offset: offset behind the oldest segment's last record, or more.
            crowded: there are too many segments, whatever their size.
        """
        is_held = end_offset > self._held_from
        if kept_bytes <= self._retain_bytes and not crowded:
            self.holding = False
            self._giving_up = self._giving_up and is_held
            return False
        self.holding = is_held and not crowded and kept_bytes <= self._retain_bytes + self._hold_bytes
        return not self.holding

    def gone(self, first_offset: int, end_offset: int, *, most_records: int) -> bool:
        """Count what went with a segment; True for the first that was held since the store was not behind.

        Args:
            first_offset: offset of its first record.
            end_offset: offset behind its last record, or more.
            most_records: how many it had at most.
        """
        if end_offset <= self._held_from:
            return False
        self.unheld_records += min(most_records, end_offset - max(first_offset, self._held_from))
        is_first, self._giving_up = not self._giving_up, True
        return is_first
