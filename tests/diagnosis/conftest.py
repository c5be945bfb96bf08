"""Certificates as `openssl` makes them."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest


class Pair(NamedTuple):
    """Two PEM files."""

    certificate: Path
    key: Path


@pytest.fixture
def make_certificate(tmp_path: Path) -> Callable[..., Pair]:
    """Makes a self-signed certificate for so many days, and its key; with a passphrase where asked for."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not on this machine")

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], check=True, capture_output=True, timeout=60)

    def make(name: str = "server", *, days: int = 90, passphrase: str = "") -> Pair:
        pair = Pair(tmp_path / f"{name}.crt", tmp_path / f"{name}.key")
        request = tmp_path / f"{name}.csr"
        hidden = ["-passout", f"pass:{passphrase}"] if passphrase else ["-nodes"]
        words = ["req", "-newkey", "rsa:2048", *hidden, "-subj", "/CN=localhost", "-out", str(request)]
        openssl(*words, "-keyout", str(pair.key))
        words = ["x509", "-req", "-in", str(request), "-signkey", str(pair.key), "-days", str(days)]
        openssl(*words, "-passin", f"pass:{passphrase}", "-out", str(pair.certificate))
        return pair

    return make
