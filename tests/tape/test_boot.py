"""The boot of this machine."""

import sys

from tradewatch.tape.boot import boot_id


def test_this_machine_knows_its_boot() -> None:
    assert boot_id() == boot_id()
    if sys.platform in {"linux", "darwin"}:
        assert boot_id() != ""
