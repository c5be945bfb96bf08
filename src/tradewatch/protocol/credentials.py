"""Where a client puts its API key."""

from collections.abc import Mapping

#: The header of the public service; the second spelling stands on its older pages.
KEY_HEADERS = ("api-key", "api_key")
KEY_PARAMETER = "api-key"


def key_text(headers: Mapping[str, str], query: Mapping[str, str]) -> str | None:
    """The key that a request brings, from the header or the query; None where it brings none.

    Args:
        headers: by lower-case name.
        query: the parameters.
    """
    for header in KEY_HEADERS:
        if text := headers.get(header):
            return text
    return query.get(KEY_PARAMETER) or None
