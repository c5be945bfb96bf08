"""What is measured of the history is the history: every quote is there, and peers have the same."""

from pathlib import Path

import pytest
from bench.history_filling import fill, fill_peer
from bench.history_peers import PEERS, Peer
from bench.history_reading import PAGES, RUNS, low_bids, read_in_process, read_peer

from bench import day
from tradewatch.history.duckdb.store import DuckHistory
from tradewatch.history.span import Span

QUOTES = 100_000


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("day") / "history"
    kept = fill(directory, QUOTES)
    assert (kept.quotes, kept.symbols) == (QUOTES, 1_000)
    assert 5 * QUOTES < kept.bytes < 80 * QUOTES
    assert 0 < kept.recording_cpu_s < kept.cpu_s
    return directory


def test_the_whole_day_is_recorded_as_it_was_made(history: Path) -> None:
    made = next(day.chunks(QUOTES))
    archive = DuckHistory(history)
    for instrument in day.instruments()[:10]:
        stored = archive.instrument(instrument.asset_class, instrument.symbol)
        assert stored
        with archive.reading() as reading:
            (ticks,) = reading.windows(stored.number, Span())
        own = made[made["instrument"] == instrument.id]
        own = own[own["event_ns"].argsort(kind="stable")]
        assert ticks.event_ns.tolist() == own["event_ns"].tolist()
        assert ticks.received_ns.tolist() == own["received_ns"].tolist()
        assert ticks.bid.tolist() == day.points(own, "bid").tolist()
        assert ticks.ask.tolist() == day.points(own, "ask").tolist()
    archive.close()


def test_it_is_read_as_often_as_it_is_said(history: Path) -> None:
    reading = read_in_process(history)
    assert len(reading.candles_ms) == RUNS
    assert {size: len(times) for size, times in reading.pages_ms.items()} == dict.fromkeys(PAGES, RUNS)
    assert all(median > 0 for median in reading.medians_ms)


@pytest.mark.parametrize("kind", PEERS, ids=lambda kind: str(kind.__name__))
def test_a_peer_has_the_same_candles_and_pages_in_order(
    kind: type[Peer], history: Path, tmp_path: Path
) -> None:
    peer = kind(tmp_path / "peer")
    kept = fill_peer(peer, QUOTES, every=4)
    assert (kept.symbols, kept.bytes) == (250, peer.bytes)
    assert abs(kept.quotes - QUOTES / 4) < 1_000
    first = day.instruments()[0]
    assert [candle[3] for candle in peer.candles(first)] == low_bids(history)
    page = peer.page(first, day.START_S * 1_000, 20)
    assert [row[0] for row in page] == [first.id] * 20
    assert [row[1] for row in page] == sorted(row[1] for row in page)
    assert len(read_peer(peer, every=4).candles_ms) == RUNS
    peer.close()
