"""The tape: numbers, the newest, and a start that goes on where the end was."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tradewatch.clock import ManualClock
from tradewatch.errors import TapeError
from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import Instrument
from tradewatch.model.position import epoch_text
from tradewatch.model.price import Price
from tradewatch.model.record import Flags, Kind, Record
from tradewatch.reference.catalogue import CANARY, Catalogue
from tradewatch.tape import layout
from tradewatch.tape.batches import Place, Verdict
from tradewatch.tape.log import BatchStamp
from tradewatch.tape.segments import SegmentLog
from tradewatch.tape.tape import Tape


class Machine:
    """One directory, and the tapes that come and go on it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.clock = ManualClock()
        self.open: list[SegmentLog] = []

    def start(self, *, boot: str = "boot-1", **options: int) -> tuple[Tape, Catalogue]:
        self.clock.advance(1)
        log, recovered = SegmentLog.open(self.directory, clock=self.clock, boot_id=boot, **options)
        self.open.append(log)
        catalogue = Catalogue(limit=1_000)
        return Tape(log, recovered, catalogue=catalogue, clock=self.clock), catalogue

    def quote(self, instrument: Instrument, bid: str, **more: int) -> Record:
        now_ns = self.clock.now_ns()
        price = Price.parse(bid)
        return Record(instrument, now_ns, now_ns, price, Price(price.mantissa + 1, price.exponent), **more)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    made = Machine(tmp_path / "tape" / "0")
    yield made
    for log in made.open:
        log.close()


def eurusd(catalogue: Catalogue) -> Instrument:
    return catalogue.add(AssetClass.CURRENCIES, "EURUSD", decimals=5)


def btcusd(catalogue: Catalogue) -> Instrument:
    return catalogue.add(AssetClass.CRYPTO, "BTCUSD", decimals=2)


def test_each_instrument_counts_for_itself_from_one(machine: Machine) -> None:
    tape, catalogue = machine.start()
    records = [
        machine.quote(eurusd(catalogue), "1.1"),
        machine.quote(btcusd(catalogue), "61837.63"),
        machine.quote(eurusd(catalogue), "1.2"),
    ]
    assert tape.append(records).kept
    assert [record.seq for record in records] == [1, 1, 2]
    assert tape.head(eurusd(catalogue)) == 2
    assert tape.newest(eurusd(catalogue)) is records[2]
    assert tape.newest(catalogue.add(AssetClass.STOCKS, "AAPL", decimals=2)) is None


def test_the_log_holds_each_record_as_it_was(machine: Machine) -> None:
    tape, catalogue = machine.start()
    first = tape.append([machine.quote(eurusd(catalogue), "1.1", source=tape.source("replay"))])
    assert first.slots == 3, "the source and the instrument are defined before the first record"
    records = [machine.quote(eurusd(catalogue), f"1.{n}") for n in range(10, 30)]
    appended = tape.append(records)
    assert tape.records_at(Place(appended.offset, appended.slots)) == records
    assert tape.records_at(Place(appended.offset, appended.slots + 1)) is None


@pytest.mark.parametrize("clean", [True, False])
def test_a_start_goes_on_where_the_end_was(machine: Machine, clean: bool) -> None:
    tape, catalogue = machine.start()
    source = tape.source("publish/abc/p1")
    tape.append([machine.quote(btcusd(catalogue), "61837.63000000"), machine.quote(eurusd(catalogue), "1.1")])
    last = machine.quote(eurusd(catalogue), "1.2", source=source)
    tape.append([last])
    if clean:
        machine.open.pop().close()

    again, recovered = machine.start()
    assert again.epoch == tape.epoch
    euro = recovered.get(AssetClass.CURRENCIES, "EURUSD")
    assert euro is not None
    assert euro.id == eurusd(catalogue).id
    assert euro.decimals == 5
    assert (again.head(euro), again.newest(euro)) == (2, last)
    assert again.source("publish/abc/p1") == source
    record = machine.quote(euro, "1.3")
    again.append([record])
    assert record.seq == 3


def test_a_machine_that_fell_begins_a_new_epoch_and_restates_what_was_newest(machine: Machine) -> None:
    tape, catalogue = machine.start()
    tape.append([machine.quote(eurusd(catalogue), "1.1"), machine.quote(eurusd(catalogue), "1.2")])
    old = tape.newest(eurusd(catalogue))
    again, recovered = machine.start(boot="boot-2")
    assert again.epoch > tape.epoch
    restated = again.newest(eurusd(recovered))
    assert old is not None
    assert restated is not None
    assert (restated.seq, restated.bid, restated.event_ns) == (1, old.bid, old.event_ns)
    assert restated.flags & Flags.LATE
    assert again.epoch == epoch_text(again.log.epoch_ms)


def test_a_kill_between_a_new_epoch_and_its_first_records_leaves_them_to_the_next_start(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new epoch's segment stood, empty; the next start went on with it and knew no quote any more."""
    tape, catalogue = machine.start()
    tape.append([machine.quote(btcusd(catalogue), "1"), machine.quote(eurusd(catalogue), "1.1")])
    with monkeypatch.context() as killed:
        killed.setattr(Tape, "append", lambda *_: pytest.fail("killed"))
        with pytest.raises(pytest.fail.Exception):
            machine.start(boot="boot-2")
    again, recovered = machine.start(boot="boot-2")
    euro = recovered.get(AssetClass.CURRENCIES, "EURUSD")
    assert euro is not None
    assert euro.id == eurusd(catalogue).id
    restated = again.newest(euro)
    assert restated is not None
    assert (again.head(euro), restated.seq, restated.bid) == (1, 1, Price.parse("1.1"))
    assert len(layout.slots(again.log.select(euro.id, 0, 10))) == 1


def test_the_numbers_survive_segments_that_are_long_gone(machine: Machine) -> None:
    options = {"segment_bytes": 40 * layout.SLOT_BYTES, "retain_bytes": 100 * layout.SLOT_BYTES}
    tape, catalogue = machine.start(**options)
    stamp = BatchStamp(tape.source("publish/k/p"), 7, b"d" * 16)
    tape.append([machine.quote(btcusd(catalogue), "1")], stamp)
    for n in range(500):
        tape.append([machine.quote(eurusd(catalogue), str(n + 1))])
    assert tape.log.first_offset > 10
    again, recovered = machine.start(**options)
    bitcoin, euro = recovered.get(AssetClass.CRYPTO, "BTCUSD"), recovered.get(AssetClass.CURRENCIES, "EURUSD")
    assert bitcoin is not None
    assert euro is not None
    assert again.head(bitcoin) == 1, "its only record went with its segment, its number did not"
    assert again.head(euro) == 500
    assert again.newest(bitcoin) == tape.newest(bitcoin)
    assert again.judge(stamp)[0] is Verdict.TOO_OLD
    assert again.judge(stamp._replace(batch=8))[0] is Verdict.NEW


def test_notices_take_numbers_but_are_no_quotes(machine: Machine) -> None:
    tape, catalogue = machine.start()
    quote, notice = (
        machine.quote(eurusd(catalogue), "1.1"),
        machine.quote(eurusd(catalogue), "1", kind=Kind.BREAK),
    )
    tape.append([quote, notice])
    assert notice.seq == 2
    assert tape.newest(eurusd(catalogue)) is quote
    again, recovered = machine.start()
    assert again.head(eurusd(recovered)) == 2
    assert again.newest(eurusd(recovered)) == quote


def test_a_refused_quote_keeps_its_place_and_takes_no_number(machine: Machine) -> None:
    tape, catalogue = machine.start()
    refused = machine.quote(CANARY, "1", kind=Kind.REFUSED, reference=3)
    quote = machine.quote(eurusd(catalogue), "1.1")
    stamp = BatchStamp(tape.source("publish/k/p"), 1, b"d" * 16)
    tape.append([refused, quote], stamp)
    again, _ = machine.start()
    verdict, place = again.judge(stamp)
    assert verdict is Verdict.REPEATED
    assert place is not None
    assert again.records_at(place) == [refused, quote]
    assert (refused.seq, quote.seq) == (0, 1)


def test_a_slot_from_the_future_is_named_and_not_guessed(machine: Machine) -> None:
    tape, catalogue = machine.start()
    tape.append([machine.quote(eurusd(catalogue), "1.1")])
    tape.log.append(b"\xcc" + bytes(layout.SLOT_BYTES - 1))
    with pytest.raises(TapeError, match="0xcc"):
        machine.start()
