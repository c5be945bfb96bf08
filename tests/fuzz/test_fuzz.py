"""A short run of every fuzz target; `make fuzz` is the long one."""

from collections.abc import Callable

import pytest

from tests.fuzz.campaign import Watch, run
from tests.fuzz.targets import DIALECTS, Target, targets

_EXAMPLES = 50
_NAMES = [
    *(f"{kind}: {name}" for name in DIALECTS for kind in ("frames", "messages")),
    *("handshake", "door", "batch", "price text", "price texts"),
]


@pytest.fixture(scope="module")
def target_named() -> Callable[[str], Target]:
    found = {target.name: target for target in targets()}
    assert list(found) == _NAMES
    return found.__getitem__


@pytest.mark.parametrize("name", _NAMES)
def test_no_input_does_harm(target_named: Callable[[str], Target], name: str) -> None:
    watch: Watch = run(target_named(name), examples=_EXAMPLES)
    assert watch.examples >= _EXAMPLES
