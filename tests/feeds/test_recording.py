import gzip
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewatch.feeds.bad_rows import BadRows
from tradewatch.feeds.recording import Recording, UnknownClassError
from tradewatch.feeds.rows import UnusableFileError
from tradewatch.feeds.source import SourceState
from tradewatch.model.asset_class import AssetClass
from tradewatch.reference.catalogue import Catalogue


def _recording(
    path: Path, asset_class: AssetClass | None = None, state: SourceState | None = None
) -> Recording:
    return Recording(path, asset_class=asset_class, bad_rows=BadRows("x", state or SourceState()))


def test_a_survey_knows_the_first_time_the_instruments_and_their_decimals(write_rows, catalogue) -> None:
    path = write_rows("f.csv", "x,A,1,2", "7000,A,1.5,1.625", "5000,B,1,2.50", "8000,A,1.12,2")
    state = SourceState()
    survey = _recording(path, AssetClass.STOCKS, state).survey(catalogue)
    assert survey.first_ns == 7_000_000_000
    assert [(each.key, each.decimals) for each in survey.instruments] == [("stocks:A", 3), ("stocks:B", 1)]
    assert state.bad_rows == 0


def test_a_survey_reads_the_beginning_alone_and_keeps_what_is_known(write_rows, catalogue) -> None:
    known = catalogue.add(AssetClass.CRYPTO, "A", decimals=8)
    path = write_rows("crypto-f.csv.gz", *["1,A,1,2"] * 20_000, "1,LATE,1,2")
    recording = _recording(path)
    assert list(recording.survey(catalogue).instruments) == [known]
    assert catalogue.get(AssetClass.CRYPTO, "LATE") is None
    records = [record for block in recording.records(catalogue) for record in block]
    assert [record.instrument.symbol for record in records[-2:]] == ["A", "LATE"]


@pytest.mark.parametrize(
    ("name", "asset_class", "header", "expected"),
    [
        ("stocks-f.csv", None, "ts_ms,symbol,bid,ask,note", "stocks:A"),
        ("f.csv", AssetClass.INDICES, "ts_ms,symbol,bid,ask,note", "indices:A"),
        ("stocks-f.csv", AssetClass.INDICES, "ts_ms,symbol,bid,ask,asset_class", "indices:A"),
        ("stocks-f.csv", None, "ts_ms,symbol,bid,ask,asset_class", "crypto:A"),
    ],
)
def test_the_class_is_the_specs_then_the_columns_then_the_names(
    write_rows, catalogue, name: str, asset_class: AssetClass | None, header: str, expected: str
) -> None:
    path = write_rows(name, "1,A,1,2,crypto", header=header)
    [[record]] = _recording(path, asset_class).records(catalogue)
    assert record.instrument.key == expected


@pytest.mark.parametrize("name", ["f.csv", "stocks.csv", "stock-f.csv", "Stocks-f.csv"])
def test_without_a_class_there_is_no_record(write_rows, catalogue, name: str) -> None:
    with pytest.raises(UnknownClassError, match=r"class=\.\.\."):
        _recording(write_rows(name, "1,A,1,2")).survey(catalogue)


def test_a_file_that_has_gone_is_counted_and_ends(tmp_path: Path, catalogue: Catalogue) -> None:
    state = SourceState()
    recording = _recording(tmp_path / "stocks-gone.csv", state=state)
    with pytest.raises(FileNotFoundError):
        recording.survey(catalogue)
    assert list(recording.records(catalogue)) == []
    assert state.bad_rows == 1
    assert state.last_bad.startswith("stocks-gone.csv: ")


def test_bad_rows_are_named_with_their_lines_over_blocks(write_rows, catalogue) -> None:
    rows = ["1,A,1,2"] * 10_000
    rows[4_321] = "1,A,1,x"
    state = SourceState()
    recording = _recording(write_rows("crypto-f.csv.gz", *rows), state=state)
    assert sum(map(len, recording.records(catalogue))) == 9_999
    assert state.bad_rows == 1
    assert state.last_bad == "crypto-f.csv.gz line 4323: ask: not a decimal number: 'x'"


_HEADER = b"ts_ms,symbol,bid,ask\n"
_GOOD = b"1,A,1,2\n"


@settings(deadline=None)
@given(
    st.binary(max_size=300),
    st.sampled_from([b"", _HEADER, _HEADER + _GOOD, b"\x1f\x8b\x08", b"PAR1"]),
    st.booleans(),
)
def test_no_content_does_anything_but_give_records_or_be_counted(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, start: bytes, packed: bool
) -> None:
    path = tmp_path_factory.mktemp("any") / "crypto-f.csv"
    path.write_bytes(gzip.compress(start + content) if packed else start + content)
    state = SourceState()
    recording = _recording(path, state=state)
    try:
        recording.survey(Catalogue(limit=10))
    except UnusableFileError:
        assert list(recording.records(Catalogue(limit=10))) == []
        assert state.bad_rows >= 1
        return
    records = [record for block in recording.records(Catalogue(limit=10)) for record in block]
    if start == _HEADER + _GOOD:
        assert records[0].event_ns == 1_000_000
