"""The files of the import are the made day, and all of it is taken in."""

from bench.importing import FORMATS, measure_import


def test_both_formats_are_taken_in_whole() -> None:
    measured = measure_import(3_000, 1)
    assert tuple(measured) == FORMATS
    for (one,) in measured.values():
        assert one.rows == 3_000
        assert one.bytes > 10_000
        assert one.rows_per_s > 0
        assert one.cpu_s > 0.1
