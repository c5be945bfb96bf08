from collections.abc import Iterator, Sequence

from hypothesis import given
from hypothesis import strategies as st

from tradewatch.feeds.merge import merged
from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import Instrument
from tradewatch.model.record import Record

_INSTRUMENT = Instrument(id=1, asset_class=AssetClass.CRYPTO, symbol="A", decimals=0)


def _record(event_ns: int, number: int = 0) -> Record:
    return Record(_INSTRUMENT, event_ns, 0, None, None, reference=number)


@given(st.lists(st.lists(st.lists(st.integers(0, 20), max_size=3), max_size=5), max_size=4))
def test_order_is_by_time_and_stable_and_never_changes_within_a_stream(times: list[list[list[int]]]) -> None:
    numbered = iter(range(10_000))
    streams = [[[_record(time, next(numbered)) for time in block] for block in stream] for stream in times]
    expected: list[tuple[int, int, Record]] = []
    for index, stream in enumerate(streams):
        latest = 0
        for record in (record for block in stream for record in block):
            latest = max(latest, record.event_ns)
            expected.append((latest, index, record))
    expected.sort(key=lambda entry: entry[:2])
    firsts = [next((record.event_ns for block in stream for record in block), 0) for stream in streams]
    found = list(merged(list(zip(firsts, map(iter, streams), strict=True))))
    assert [record for record in found if record] == [record for _, _, record in expected]
    assert found.count(None) == sum(map(len, streams))  # the loop may turn at each block


def test_a_stream_is_not_touched_before_its_time_and_closed_with_the_merge() -> None:
    opened: list[str] = []
    closed: list[str] = []

    def stream(name: str, *times: int) -> Iterator[Sequence[Record]]:
        opened.append(name)
        try:
            for time in times:
                yield [_record(time)]
        finally:
            closed.append(name)

    records = merged([(5, stream("late", 5, 9)), (1, stream("early", 1, 2, 7)), (8, stream("never", 8))])
    times = (record.event_ns for record in records if record)
    assert [next(times), next(times)] == [1, 2]
    assert opened == ["early"]
    assert [next(times), next(times)] == [5, 7]
    assert opened == ["early", "late"]
    records.close()
    assert sorted(closed) == ["early", "late"]
