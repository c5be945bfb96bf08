from pathlib import Path
from urllib.parse import quote

import pytest

from tradewatch.errors import FeedSpecError
from tradewatch.feeds import paths
from tradewatch.feeds.paths import find_files
from tradewatch.feeds.spec import ReplaySpec, parse_feed_spec


def _found(text: str) -> list[str]:
    spec = parse_feed_spec(f"replay:{text}")
    assert isinstance(spec, ReplaySpec)
    return [path.name for path in find_files(spec)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.csv", "a.csv.gz", "c.parquet", "notes.txt", "d[1].csv", "d1.csv", "e,f?.csv"):
        (tmp_path / name).touch()
    (tmp_path / "sub.csv").mkdir()
    return tmp_path


def test_files_folders_and_patterns_are_found_in_order(folder: Path) -> None:
    assert _found(f"{folder}/b.csv") == ["b.csv"]
    assert _found(f"{folder}/c.parquet,{folder}/b.csv") == ["c.parquet", "b.csv"]
    assert _found(str(folder)) == ["a.csv.gz", "b.csv", "c.parquet", "d1.csv", "d[1].csv", "e,f?.csv"]
    assert _found(f"{folder}/[a-c]*") == ["a.csv.gz", "b.csv", "c.parquet"]
    assert _found(f"{folder}/*.txt") == ["notes.txt"]


def test_a_file_named_twice_is_replayed_once(folder: Path) -> None:
    assert _found(f"{folder}/d1.csv,{folder}/[bd]*") == ["d1.csv", "b.csv", "d[1].csv"]


def test_a_name_that_exists_is_no_pattern_and_odd_names_can_be_encoded(folder: Path) -> None:
    assert _found(f"{folder}/d[1].csv") == ["d[1].csv"]
    assert _found(quote(f"{folder}/e,f?.csv", safe="")) == ["e,f?.csv"]


def test_what_is_not_there_is_named(folder: Path) -> None:
    (folder / "empty").mkdir()
    for text, fault in (
        ("none.csv", f"no such file or folder: '{folder}/none.csv'"),
        ("*.zip", f"no file matches '{folder}/*.zip'"),
        ("empty", f"no .csv, .csv.gz or .parquet file in the folder '{folder}/empty'"),
        ("x" * 300, "File name too long"),
    ):
        with pytest.raises(FeedSpecError) as caught:
            _found(f"{folder}/{text}")
        assert fault in str(caught.value)
        assert str(caught.value).startswith("feed 'replay:")


def test_there_is_a_limit_to_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "MAX_FILES", 5)
    with pytest.raises(FeedSpecError, match="6 files; one feed replays at most 5"):
        _found(str(folder))
