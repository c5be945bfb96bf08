"""Listens for a moment where the server is to listen; where that fails, asks who answers there."""

import http.client
import json
import ssl

from tradewatch.address import reachable
from tradewatch.diagnosis.port import PortFacts, ServerFacts
from tradewatch.errors import ListenError
from tradewatch.one_line import one_line
from tradewatch.server.listener import listen

_ANSWER_S = 3.0
_ANSWER_BYTES = 64 << 10
_TROUBLE_CHARS = 200


def look(host: str, port: int, *, tls: bool) -> PortFacts:
    """Try to listen there, and hear who does.

    Args:
        host: as it is set.
        port: as it is set.
        tls: whether a server of ours would speak TLS there.
    """
    try:
        for socket in listen(host, port):
            socket.close()
    except ListenError as error:
        cause = error.__cause__
        number = cause.errno if isinstance(cause, OSError) else None
        return PortFacts(host, port, str(error), number or 0, _server(reachable(host), port, tls=tls))
    return PortFacts(host, port)


def _server(host: str, port: int, *, tls: bool) -> ServerFacts | None:
    """What answers there, asked without TLS where it does not speak that."""
    for secure in (tls, not tls):
        try:
            live = _ask(host, port, "/health/live", secure=secure)
            if live != {"status": "alive"}:
                return ServerFacts(ours=False)
            ready = _ask(host, port, "/health/ready", secure=secure)
        except (OSError, http.client.HTTPException):
            continue
        trouble = one_line(str(ready.get("trouble", "")), most_chars=_TROUBLE_CHARS)
        return ServerFacts(ours=True, ready=ready.get("status") == "ready", trouble=trouble)
    return None


def _ask(host: str, port: int, path: str, *, secure: bool) -> dict[str, object]:
    """The JSON object at a path; empty for any other answer.

    Raises:
        OSError: nobody answers.
        http.client.HTTPException: what answers does not speak HTTP.
    """
    if secure:
        trusting = ssl.create_default_context()  # nothing secret is sent, and nothing that is heard is used
        trusting.check_hostname = False
        trusting.verify_mode = ssl.CERT_NONE
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            host, port, timeout=_ANSWER_S, context=trusting
        )
    else:
        connection = http.client.HTTPConnection(host, port, timeout=_ANSWER_S)
    try:
        connection.request("GET", path)
        body = connection.getresponse().read(_ANSWER_BYTES)
    finally:
        connection.close()
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
