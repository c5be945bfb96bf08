"""Whether clients will take the certificate."""

from datetime import UTC, datetime
from typing import NamedTuple

from tradewatch.diagnosis.finding import Finding, fault, ok, warning

CHECK = "certificate"

_DAY_S = 86_400
_SOON_DAYS = 14
_RENEW = "renew it, and restart the server: it reads the files when it starts"


class CertificateFacts(NamedTuple):
    """What stands in the files.

    Attributes:
        trouble: why they cannot be served with; empty where they can.
        begins_s: from when the server's own certificate is good; Unix time.
        ends_s: until when.
        key_is_open: whether every user of the machine may read the key.
    """

    trouble: str = ""
    begins_s: float = 0.0
    ends_s: float = 0.0
    key_is_open: bool = False


def judge(certificate: CertificateFacts | None, *, now_s: float) -> list[Finding]:
    """The certificate and its key at a time; None where TLS is not asked for."""
    if certificate is None:
        return [ok(CHECK, "none: the server speaks without TLS")]
    if certificate.trouble:
        advice = "name a certificate chain and its unencrypted key, both PEM, with tls_cert and tls_key"
        return [fault(CHECK, certificate.trouble, advice)]
    until = f"{datetime.fromtimestamp(certificate.ends_s, UTC):%Y-%m-%d}"
    days = int((certificate.ends_s - now_s) // _DAY_S)
    if now_s >= certificate.ends_s:
        return [fault(CHECK, f"it has expired on {until}", _RENEW)]
    if now_s < certificate.begins_s:
        begins = datetime.fromtimestamp(certificate.begins_s, UTC)
        return [fault(CHECK, f"it is good only from {begins:%Y-%m-%dT%H:%M:%SZ}", "wait, or set the clock")]
    what = f"good until {until}, {days} days from now; the key belongs to it"
    if days < _SOON_DAYS:
        return [warning(CHECK, what, _RENEW)]
    if certificate.key_is_open:
        advice = "chmod o-r the key file"
        return [warning(CHECK, f"{what}, and every user of this machine can read it", advice)]
    return [ok(CHECK, what)]
