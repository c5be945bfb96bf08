"""Files of the user's own instruments: what stands in them, and where what is wrong stands."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tradewatch.errors import InstrumentFileError
from tradewatch.reference import user_files
from tradewatch.reference.user_files import rows_of

Write = Callable[[str, str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return written


def test_csv_rows_have_their_lines(write: Write) -> None:
    path = write(
        "own.CSV", '\ufeffsymbol, asset_class ,name\r\n\r\nA,stocks,"two\nlines"\r\nB,crypto,b\u2028b\r\n'
    )

    rows = list(rows_of(path))

    assert [(row.line, row.cells) for row in rows] == [
        (3, {"symbol": "A", "asset_class": "stocks", "name": "two\nlines"}),
        (5, {"symbol": "B", "asset_class": "crypto", "name": "b\u2028b"}),
    ]


def test_toml_tables_have_lines_and_so_have_their_keys(write: Write) -> None:
    path = write(
        "own.toml",
        '# mine\n[[instrument]]\nasset_class = "stocks"\n\nsymbol="A"\ndecimals = 2\n'
        '[[ instrument ]] # another\n"symbol" = "B"\nname = """\nc = 1"""\n',
    )

    rows = list(rows_of(path))

    assert [(row.line, row.cells) for row in rows] == [
        (2, {"asset_class": "stocks", "symbol": "A", "decimals": "2"}),
        (7, {"symbol": "B", "name": "c = 1"}),
    ]
    assert [row.lines for row in rows] == [
        {"asset_class": 3, "symbol": 5, "decimals": 6},
        {"symbol": 8, "name": 9},
    ]


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("a.txt", "", ": its name ends neither in .csv nor in .toml"),
        ("a.csv", "", ": empty; the first line names the columns: asset_class,symbol,name,"),
        ("a.csv", "symbol\nA\n", ", line 1, column 'asset_class': missing"),
        ("a.csv", "\nasset_class,symbol,symbol\n", ", line 2, column 'symbol': stands there twice"),
        (
            "a.csv",
            "asset_class,simbol\n",
            ", line 1, column 'simbol': no such column; did you mean 'symbol'?",
        ),
        ("a.csv", "asset_class,symbol,x\n", ", line 1, column 'x': no such column; there are: asset_class, "),
        ("a.csv", "asset_class,symbol\nstocks,A\nstocks\n", ", line 3: 1 fields instead of 2"),
        ("a.csv", 'asset_class,symbol\nstocks,"A\n\n', ", line 2: not CSV: unexpected end of data"),
        ("a.csv", b"asset_class,symbol\nstocks,\xff\n", ", line 2: not UTF-8"),
        ("a.toml", "[[instrument]\n", ": not TOML: Expected ']]' at the end of an array"),
        ("a.toml", "instruments = 1\n", ": something else than [[instrument]] tables stands in it"),
        (
            "a.toml",
            "[instrument]\nsymbol = 'A'\n",
            ": something else than [[instrument]] tables stands in it",
        ),
        (
            "a.toml",
            "instrument = [{symbol = 'A'}]\n",
            ": something else than [[instrument]] tables stands in it",
        ),
        (
            "a.toml",
            "[[instrument]]\n\nsymbl = 'A'\n",
            ", line 3, column 'symbl': no such column; did you mean",
        ),
        (
            "a.toml",
            "[[instrument]]\nsymbol = true\n",
            ", line 2, column 'symbol': neither a text nor a whole",
        ),
        ("a.toml", "[[instrument]]\ndecimals = 2.0\n", ", line 2, column 'decimals': neither a text nor"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(
    write: Write, name: str, content: str | bytes, fault: str
) -> None:
    path = write(name, content)

    with pytest.raises(InstrumentFileError) as refused:
        list(rows_of(path))

    assert str(refused.value).startswith(f"{path}{fault}")
    assert refused.value.path == path
    assert refused.value.exit_code == 2


def test_a_file_that_is_not_there_or_is_a_folder_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    for name, why in (("none.csv", "No such file or directory"), ("folder.csv", "Is a directory")):
        with pytest.raises(InstrumentFileError, match=f"{name}: cannot be read: {why}"):
            list(rows_of(tmp_path / name))


def test_there_are_limits(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write("own.csv", "asset_class,symbol\nstocks,A\nstocks,B\n")
    monkeypatch.setattr(user_files, "MAX_ROWS", 1)
    with pytest.raises(InstrumentFileError, match="line 3: more than 1 instruments in one file"):
        list(rows_of(path))
    monkeypatch.setattr(user_files, "MAX_FILE_BYTES", 1 << 20)
    with pytest.raises(InstrumentFileError, match="larger than 1 MiB"):
        list(rows_of(write("large.csv", b"x" * (1 << 20) + b"x")))
