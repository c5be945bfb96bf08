import gzip
import random
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewatch.feeds import lines
from tradewatch.feeds.lines import MAX_LINE_BYTES, read_lines


def _read(path: Path) -> tuple[list[str], list[tuple[int, str]]]:
    """The lines and the complaints; checks on the way that the numbers of the blocks are true."""
    found: list[str] = []
    complaints: list[tuple[int, str]] = []
    for number, block in read_lines(path, lambda at, why: complaints.append((at, why))):
        assert number == len(found) + 1
        found += block
    return found, complaints


_LINES = st.lists(st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), max_size=60))


@settings(deadline=None)
@given(texts=_LINES, end=st.sampled_from(["\n", "\r\n"]), members=st.integers(0, 3), small=st.booleans())
def test_lines_come_out_as_they_went_in(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], end: str, members: int, small: bool
) -> None:
    content = "".join(text + end for text in texts).encode()
    if members:
        cuts = [len(content) * member // members for member in range(members + 1)]
        packed = [gzip.compress(content[a:b]) for a, b in pairwise(cuts)]
        content = b"".join(packed) + bytes(7)
    path = tmp_path_factory.mktemp("lines") / "file"
    path.write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "BLOCK_BYTES", 16 if small else lines.BLOCK_BYTES)
        found, complaints = _read(path)
    assert "\n".join(found) == "\n".join(texts)
    assert complaints == []


def test_a_last_line_without_an_end_is_a_line(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"one\ntwo")
    assert _read(path) == (["one", "two"], [])


def test_an_empty_file_has_no_lines(tmp_path: Path) -> None:
    for content in (b"", gzip.compress(b"")):
        path = tmp_path / "file"
        path.write_bytes(content)
        assert _read(path) == ([], [])


def test_a_line_that_is_not_utf8_is_empty_and_named(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes("ä\n".encode() + b"ab\xff\nc\n")
    assert _read(path) == (["ä", "", "c"], [(2, "not UTF-8: byte 0xff at column 3")])


def test_a_line_that_is_too_long_is_named_and_never_kept(tmp_path: Path) -> None:
    longest = "x" * MAX_LINE_BYTES
    path = tmp_path / "file"
    path.write_text(f"a\n{longest}\n{longest}y\n{longest * 40}\nb\n{longest * 3}")
    assert _read(path) == (
        ["a", longest, "", "", "b", ""],
        [(3, "longer than 64 KiB"), (4, "longer than 64 KiB"), (6, "longer than 64 KiB")],
    )


def test_a_cut_gzip_gives_all_whole_lines_before_the_cut(tmp_path: Path) -> None:
    generator = random.Random(1)
    texts = [f"{generator.random()}" for _ in range(20_000)]
    packed = gzip.compress("".join(f"{text}\n" for text in texts).encode())
    path = tmp_path / "file"
    for kept in (len(packed) - 1, len(packed) // 2, 12, 3):
        path.write_bytes(packed[:kept])
        found, complaints = _read(path)
        assert found == texts[: len(found)]
        assert complaints == [(len(found) + 1, "the file ends early: the gzip stream is cut")]
        if kept == len(packed) - 1:
            assert len(found) == len(texts)
        if kept == len(packed) // 2:
            assert len(found) == pytest.approx(len(texts) / 2, rel=0.1)


def test_a_corrupt_gzip_gives_what_stands_before_the_damage(tmp_path: Path) -> None:
    first = "".join(f"line {number}\n" for number in range(5_000)).encode()
    good = gzip.compress(first)
    path = tmp_path / "file"
    path.write_bytes(good + b"\x1f\x8b\x08" + b"\xff" * 500)
    found, complaints = _read(path)
    assert found == first.decode().splitlines()
    [(number, why)] = complaints
    assert number == 5_001
    assert why.startswith("the file ends early: corrupt gzip (")


def test_damage_inside_one_block_of_gzip_costs_no_line_before_it(tmp_path: Path) -> None:
    """zlib keeps back what it unpacked in the call that fails; a stored block shows how far it was good."""
    texts = [f"line {number}" for number in range(2_000)]
    packed = bytearray(gzip.compress("".join(f"{text}\n" for text in texts).encode(), compresslevel=0))
    packed[-8] ^= 1  # the checksum
    path = tmp_path / "file"
    path.write_bytes(packed)
    found, complaints = _read(path)
    assert found == texts
    [(number, why)] = complaints
    assert number == 2_001
    assert "incorrect data check" in why


def test_bytes_behind_a_gzip_that_are_no_gzip_are_named(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(gzip.compress(b"a\nb\n") + b"\0\0rubbish")
    found, complaints = _read(path)
    assert found == ["a", "b"]
    assert [number for number, _ in complaints] == [3]
