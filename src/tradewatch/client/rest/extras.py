"""Libraries that only some programs need: imported when they are used, and named where they are missing."""

from importlib import import_module
from types import ModuleType

from tradewatch.errors import UsageError


def needed(module: str, *, extra: str) -> ModuleType:
    """A library of an extra.

    Args:
        module: what is imported.
        extra: what is installed to have it.

    Raises:
        UsageError: it is not installed; says how it is.
    """
    try:
        return import_module(module)
    except ImportError:
        library = module.partition(".")[0]
        raise UsageError(
            f"{library} is not installed, which this needs: pip install 'tradewatch[{extra}]'"
        ) from None
