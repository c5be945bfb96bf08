import numpy as np
import pytest
from tests.history.tapes import BTCUSDT, EURUSD, SOURCES, Tape

from tradewatch.history.registry import Registry, Stored
from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import Instrument
from tradewatch.tape.layout import SLOT_BYTES, pack_instrument, pack_last_batch, pack_source


def slots(data: bytes) -> list[bytes]:
    return [data[begin : begin + SLOT_BYTES] for begin in range(0, len(data), SLOT_BYTES)]


def test_numbers_begin_at_1_and_stay() -> None:
    registry = Registry()
    one = registry.add(AssetClass.CRYPTO, "BTCUSDT", scale=2)
    two = registry.add(AssetClass.STOCKS, "BTCUSDT", scale=4, size_scale=1)
    assert (one.number, two.number) == (1, 2)
    assert registry.add(AssetClass.CRYPTO, "BTCUSDT", scale=9) is one
    assert registry.get(AssetClass.STOCKS, "BTCUSDT") == Stored(2, AssetClass.STOCKS, "BTCUSDT")
    assert registry.get(AssetClass.INDICES, "BTCUSDT") is None
    assert registry.instruments == [one, two]
    assert (registry.scales[:3].tolist(), registry.size_scales[:3].tolist()) == ([0, 2, 4], [0, 0, 1])


def test_sources_and_epochs_are_numbered_likewise() -> None:
    registry = Registry()
    assert [registry.source(name) for name in ("a", "b", "a")] == [1, 2, 1]
    assert [registry.epoch(at) for at in (70, 50, 70)] == [1, 2, 1]
    assert (registry.sources, registry.epochs) == (["a", "b"], [70, 50])
    assert (registry.known_epoch(50), registry.known_epoch(60)) == (2, None)


@pytest.mark.parametrize("tape_id", [1, 63, 64, 70_000])
def test_the_tape_may_call_instruments_as_it_likes(tape_id: int) -> None:
    registry = Registry()
    registry.learn(slots(pack_instrument(Instrument(tape_id, AssetClass.CRYPTO, "ETHUSDT", 2))))
    assert registry.get(AssetClass.CRYPTO, "ETHUSDT") == Stored(1, AssetClass.CRYPTO, "ETHUSDT")
    asked = np.array([tape_id, tape_id + 1, 4_000_000_000, 0], np.uint32)
    assert registry.numbers(asked).tolist() == [1, 0, 0, 0]


def test_a_tape_that_begins_anew_may_use_an_id_for_another_instrument() -> None:
    registry = Registry()
    registry.learn(slots(pack_instrument(EURUSD)))
    registry.learn(slots(pack_instrument(Instrument(EURUSD.id, AssetClass.CRYPTO, "BTCUSDT", 2))))
    registry.learn(slots(pack_instrument(Instrument(9, EURUSD.asset_class, EURUSD.symbol, 5))))
    assert registry.numbers(np.array([EURUSD.id, 9], np.uint32)).tolist() == [2, 1]


def test_sources_are_known_by_their_names() -> None:
    registry = Registry()
    registry.learn(slots(Tape().definitions + pack_last_batch(7, 3) + pack_source(8, "replay")))
    assert registry.sources == list(SOURCES.values())
    assert registry.source_numbers(np.array([9, 7, 8, 10, 1 << 31], np.uint32)).tolist() == [2, 1, 1, 0, 0]


def test_more_instruments_than_were_foreseen_have_heads_and_scales() -> None:
    registry = Registry()
    for at in range(200):
        added = registry.add(AssetClass.STOCKS, f"S{at}", scale=at % 30)
        registry.heads[added.number] = at
    assert registry.scales[1:201].tolist() == [at % 30 for at in range(200)]
    assert registry.heads[1:201].tolist() == list(range(200))


def test_decimals_only_grow() -> None:
    registry = Registry()
    for scale, size_scale in ((2, 3), (4, 1), (1, 1)):
        registry.widen(BTCUSDT.asset_class, BTCUSDT.symbol, scale=scale, size_scale=size_scale)
    assert (registry.scales[1], registry.size_scales[1]) == (4, 3)
