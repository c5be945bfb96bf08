"""The dates in a certificate."""

import ssl
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewatch.diagnosis.validity import validity


def element(tag: int, *content: bytes) -> bytes:
    body = b"".join(content)
    length = bytes([len(body)]) if len(body) < 128 else bytes([0x82]) + len(body).to_bytes(2, "big")
    return bytes([tag]) + length + body


def certificate(*dates: bytes, version: bytes = b"") -> bytes:
    """The beginning of a certificate, with an issuer whose length takes several bytes."""
    before = [element(0x02, b"\x01"), element(0x30), element(0x30, b"x" * 300)]
    return element(0x30, element(0x30, version, *before, element(0x30, *dates), b"subject"), b"signature")


BEGINS, ENDS = element(0x17, b"491231235959Z"), element(0x18, b"20500101000000Z")


@pytest.mark.parametrize("version", [b"", element(0xA0, element(0x02, b"\x02"))])
def test_both_kinds_of_dates_with_and_without_a_version(version: bytes) -> None:
    assert validity(certificate(BEGINS, ENDS, version=version)) == (2_524_607_999.0, 2_524_608_000.0)


def test_two_digits_from_fifty_on_are_of_the_last_century() -> None:
    begins, _ = validity(certificate(element(0x17, b"700101000000Z"), ENDS))
    assert begins == 0.0


@pytest.mark.parametrize(
    "der",
    [
        b"",
        b"\x30",
        b"\x30\x82",
        certificate(BEGINS, ENDS)[:100],
        certificate(BEGINS),
        certificate(BEGINS, element(0x17, b"today")),
        certificate(BEGINS, element(0x17, b"\xff")),
        certificate(BEGINS, element(0x04, b"500101000000Z")),
        element(0x31, certificate(BEGINS, ENDS)),
    ],
)
def test_what_is_no_certificate_is_an_error(der: bytes) -> None:
    with pytest.raises(ValueError, match="this is no certificate"):
        validity(der)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_nothing_else_comes_of_any_bytes(der: bytes) -> None:
    with pytest.raises(ValueError, match="this is no certificate"):
        validity(der)


def test_a_real_one_says_what_openssl_says(make_certificate: Callable[..., Any]) -> None:
    pair = make_certificate(days=30)
    words = ["openssl", "x509", "-noout", "-dates", "-in", str(pair.certificate)]
    said = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    dates = [ssl.cert_time_to_seconds(line.partition("=")[2]) for line in said.splitlines()]
    assert list(validity(ssl.PEM_cert_to_DER_cert(pair.certificate.read_text()))) == dates
