"""What every test may ask for."""

from pathlib import Path

import pytest

_SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real quotes beside the project; tests that need it skip where it is absent."""
    if not _SHARED_DATA.is_dir():
        pytest.skip("the real quotes (../shared/data) are not on this machine")
    return _SHARED_DATA


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that wait for processes come first, so that no worker ends with a long one alone."""
    items.sort(key=lambda item: not {"system", "test_docs.py"}.intersection(item.path.parts))
