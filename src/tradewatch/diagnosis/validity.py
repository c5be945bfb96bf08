"""From when and until when a certificate is good, read from its DER (RFC 5280, section 4.1).

The standard library shows these dates only of certificates that it trusts.
"""

from datetime import UTC, datetime

_SEQUENCE, _VERSION, _UTC_TIME, _GENERALIZED_TIME = 0x30, 0xA0, 0x17, 0x18
#: Serial number, signature algorithm and issuer stand between the version and the validity.
_BEFORE_VALIDITY = 3


def validity(der: bytes) -> tuple[float, float]:
    """Beginning and end, in Unix time.

    Raises:
        ValueError: this is no certificate.
    """
    try:
        certificate, _ = _inside(der, _SEQUENCE)
        to_be_signed, _ = _inside(certificate, _SEQUENCE)
        if to_be_signed[0] == _VERSION:
            to_be_signed = _element(to_be_signed)[2]
        for _ in range(_BEFORE_VALIDITY):
            to_be_signed = _element(to_be_signed)[2]
        dates, _ = _inside(to_be_signed, _SEQUENCE)
        first, begins, rest = _element(dates)
        second, ends, _ = _element(rest)
        return _time_s(first, begins), _time_s(second, ends)
    except (IndexError, ValueError) as error:
        raise ValueError("this is no certificate") from error


def _inside(data: bytes, tag: int) -> tuple[bytes, bytes]:
    """The content of the element that begins here, which must be of this kind, and what follows it."""
    found, content, rest = _element(data)
    if found != tag:
        raise ValueError(f"tag {found:#x} instead of {tag:#x}")
    return content, rest


def _element(data: bytes) -> tuple[int, bytes, bytes]:
    """Tag and content of the element that begins here, and what follows it."""
    tag, length, start = data[0], data[1], 2
    if length & 0x80:  # the long form: so many bytes hold the length
        start += length & 0x7F
        length = int.from_bytes(data[2:start], "big")
    end = start + length
    if len(data) < end:
        raise ValueError("cut short")
    return tag, data[start:end], data[end:]


def _time_s(tag: int, content: bytes) -> float:
    """A date of either kind; years of two digits are those from 1950 to 2049."""
    text = content.decode("ascii")
    if tag == _UTC_TIME:
        text = ("19" if text >= "50" else "20") + text
    elif tag != _GENERALIZED_TIME:
        raise ValueError(f"tag {tag:#x} is no time")
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp()
