"""Reading certificates and keys: real files, good and bad."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tradewatch.diagnosis.certificate import judge
from tradewatch.diagnosis.probes.certificate import look


def test_a_good_pair(make_certificate: Callable[..., Any]) -> None:
    pair = make_certificate(days=90)
    pair.key.chmod(0o600)
    found = look(*pair)
    assert (found.trouble, found.key_is_open) == ("", False)
    assert found.ends_s - found.begins_s == 90 * 86_400
    assert abs(found.begins_s - time.time()) < 60


def test_the_servers_own_certificate_stands_first_in_a_chain(make_certificate: Callable[..., Any]) -> None:
    pair, authority = make_certificate(days=30), make_certificate("authority", days=3_000)
    text = "a comment\n" + pair.certificate.read_text() + authority.certificate.read_text()
    pair.certificate.write_text(text)
    found = look(*pair)
    assert found.ends_s - found.begins_s == 30 * 86_400


def test_an_expired_one_is_a_fault(make_certificate: Callable[..., Any]) -> None:
    pair = make_certificate(days=-1)
    (finding,) = judge(look(*pair), now_s=time.time())
    assert finding.verdict == "fault"
    assert finding.what.startswith("it has expired on 20")


def test_a_key_that_everybody_reads(make_certificate: Callable[..., Any]) -> None:
    pair = make_certificate()
    pair.key.chmod(0o644)
    assert look(*pair).key_is_open


def test_a_key_of_another_certificate(make_certificate: Callable[..., Any]) -> None:
    pair, other = make_certificate(), make_certificate("other")
    assert (
        look(pair.certificate, other.key).trouble
        == f"{pair.certificate} and {other.key}: key values mismatch"
    )


def test_a_key_with_a_passphrase_asks_nobody(make_certificate: Callable[..., Any]) -> None:
    pair = make_certificate(passphrase="correct horse")
    assert look(*pair).trouble == f"{pair.key} is encrypted"


@pytest.mark.parametrize("content", ["", "no certificate\n", "-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_a_file_that_is_no_certificate(
    make_certificate: Callable[..., Any], tmp_path: Path, content: str
) -> None:
    other = tmp_path / "other.pem"
    other.write_text(content)
    assert look(other, make_certificate().key).trouble.startswith(f"{other} and ")


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    missing = tmp_path / "missing.pem"
    assert look(missing, missing).trouble == f"{missing}: No such file or directory"
