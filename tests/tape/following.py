"""Follows a log as another process does, and says in plain numbers what it was told."""

from tests.tape.conftest import Files, Probe

from tradewatch.tape.follower import NOTHING, Follower, Stretch


def follow(files: Files, from_offset: int | None = None, **options: int) -> Follower:
    return Follower(files.directory, from_offset=from_offset, **options)


def drain(follower: Follower, limit_bytes: int = 1 << 20) -> list[Stretch]:
    """All that is there now."""
    stretches: list[Stretch] = []
    while (stretch := follower.read(limit_bytes)).slots:
        stretches.append(stretch)
    assert stretch == NOTHING
    return stretches


def told(stretch: Stretch) -> tuple[int, list[int], int]:
    """First offset, seqs and what is missing before them."""
    return stretch.first_offset, Probe.seqs(stretch.slots), stretch.missing


def heard(follower: Follower) -> list[tuple[int, list[int], int]]:
    return [told(stretch) for stretch in drain(follower)]
