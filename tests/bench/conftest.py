"""The programs in C, where a compiler is."""

import pytest
from bench.compiler import compiled, compiler


@pytest.fixture(scope="session")
def load_client() -> str:
    return _program("load")


@pytest.fixture(scope="session")
def limit_server() -> str:
    return _program("server")


def _program(name: str) -> str:
    if compiler() is None:
        pytest.skip("no C compiler on this machine")
    return compiled(name)
