"""Text of others in one line: what a terminal or a log would act on is written out."""


def one_line(text: str, *, most_chars: int | None = None) -> str:
    r"""The text with everything that is no visible character escaped: a newline becomes `\n`.

    Control characters, line separators and marks that turn the direction of writing are not visible.

    Args:
        text: anything.
        most_chars: the length beyond which the line is cut, the three dots of the cut included; None for no
            limit.
    """
    if most_chars is not None:
        text = text[: most_chars + 1]
    line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    if most_chars is None or len(line) <= most_chars:
        return line
    return line[: most_chars - 3] + "..."
