"""What a finding says of sizes."""

import pytest

from tradewatch.diagnosis.finding import size_text


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (0, "0 bytes"),
        (1_023, "1023 bytes"),
        (1_536, "1.5 KiB"),
        (2 << 30, "2.0 GiB"),
        (3 << 50, "3072.0 TiB"),
    ],
)
def test_sizes_are_in_the_unit_that_fits(size_bytes: int, text: str) -> None:
    assert size_text(size_bytes) == text
