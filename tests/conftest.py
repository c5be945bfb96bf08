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
