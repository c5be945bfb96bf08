"""The tables that come with the package."""

from importlib.resources import files


def packaged_lines(name: str) -> list[str]:
    """The lines of a table in `data/`, its header among them."""
    table = files("tradewatch.reference") / "data" / name
    return table.read_text(encoding="utf-8").splitlines()
