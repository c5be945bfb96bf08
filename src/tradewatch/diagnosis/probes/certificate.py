"""Reads the certificate and its key."""

import ssl
import stat
from pathlib import Path

from tradewatch.diagnosis.certificate import CertificateFacts
from tradewatch.diagnosis.validity import validity

_BEGIN = "-----BEGIN CERTIFICATE-----"
_END = "-----END CERTIFICATE-----"


class _EncryptedKeyError(Exception):
    """The key asks for a password."""


def look(certificate: Path, key: Path) -> CertificateFacts:
    """Load both as a server does, without its questions on the terminal."""
    try:
        text = certificate.read_text("ascii", "replace")
        key_is_open = bool(key.stat().st_mode & stat.S_IROTH)
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, _no_password)
        begins_s, ends_s = validity(_first(text))
    except _EncryptedKeyError:
        return CertificateFacts(f"{key} is encrypted")
    except ssl.SSLError as error:
        return CertificateFacts(f"{certificate} and {key}: {_reason(error)}")
    except OSError as error:
        return CertificateFacts(f"{error.filename}: {error.strerror}")
    except ValueError as error:
        return CertificateFacts(f"{certificate}: {error}")
    return CertificateFacts(begins_s=begins_s, ends_s=ends_s, key_is_open=key_is_open)


def _no_password() -> str:
    raise _EncryptedKeyError


def _first(text: str) -> bytes:
    """The server's own certificate, which stands first in a chain.

    Raises:
        ValueError: there is none.
    """
    _, begin, rest = text.partition(_BEGIN)
    body, end, _ = rest.partition(_END)
    return ssl.PEM_cert_to_DER_cert(begin + body + end)


def _reason(error: ssl.SSLError) -> str:
    """What OpenSSL says: `key values mismatch`."""
    return (error.reason or "no PEM file").lower().replace("_", " ")
