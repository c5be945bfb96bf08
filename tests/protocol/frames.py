"""Frames as a client reads them, by the parser of websockets."""

from collections.abc import Generator, Sequence

import pytest
from websockets.extensions import Extension
from websockets.frames import Frame


def parse(data: bytes, extensions: Sequence[Extension] = ()) -> tuple[Frame, bytes]:
    """The first frame of some bytes, as a client with these extensions reads it, and what is left."""
    position = 0

    def read_exact(count: int) -> Generator[None, None, bytes]:
        nonlocal position
        taken = data[position : position + count]
        assert len(taken) == count, "the header promises more than there is"
        position += count
        return taken
        yield

    parser = Frame.parse(read_exact, mask=False, extensions=extensions)
    with pytest.raises(StopIteration) as done:
        next(parser)
    return done.value.value, data[position:]


def parse_all(data: bytes, extensions: Sequence[Extension] = ()) -> list[Frame]:
    """All frames of some bytes."""
    frames: list[Frame] = []
    while data:
        frame, data = parse(data, extensions)
        frames.append(frame)
    return frames
