"""The socket's address: reachable however deep its directory lies."""

import os
import socket
from pathlib import Path

import pytest

from tradewatch.store.address import reachable_path, socket_path


@pytest.mark.parametrize("depth", [0, 1, 4])
def test_a_socket_is_made_and_met_below_any_directory(tmp_path: Path, depth: int) -> None:
    directory = tmp_path.joinpath(*["d" * 200] * depth)
    directory.mkdir(parents=True, exist_ok=True)
    path = socket_path(directory)
    with socket.socket(socket.AF_UNIX) as listening, socket.socket(socket.AF_UNIX) as client:
        with reachable_path(path) as name:
            assert len(os.fsencode(name)) <= 107
            listening.bind(name)
        assert path.is_socket()
        listening.listen(1)
        with reachable_path(path) as name:
            client.connect(name)
        served, _ = listening.accept()
        with served:
            client.sendall(b"there")
            assert served.recv(10) == b"there"


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    directory = tmp_path / ("d" * 200)
    directory.mkdir()
    before = sorted(Path("/proc/self/fd").iterdir())
    with reachable_path(socket_path(directory)):
        assert len(sorted(Path("/proc/self/fd").iterdir())) == len(before) + 1
    assert sorted(Path("/proc/self/fd").iterdir()) == before


def test_without_its_directory_there_is_no_socket(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), reachable_path(tmp_path / ("d" * 200) / "store.sock"):
        pass
