"""Which files a replay's paths mean."""

import glob
import os
from pathlib import Path

from tradewatch.feeds.spec import ReplaySpec, spec_error

#: Files of one replay; it may have to hold all of them open.
MAX_FILES = 1_000

_SUFFIXES = (".csv", ".csv.gz", ".parquet")


def find_files(spec: ReplaySpec) -> list[Path]:
    """The files that a specification names, each once, in its order; those of a folder or pattern by name.

    Raises:
        FeedSpecError: a file is missing, a folder or pattern has none, or they are too many.
    """
    found: dict[Path, None] = {}
    for text in spec.paths:
        found.update(dict.fromkeys(_files(spec, text)))
    if len(found) > MAX_FILES:
        raise spec_error(spec.text, f"{len(found):,} files; one feed replays at most {MAX_FILES:,}")
    return list(found)


def _files(spec: ReplaySpec, text: str) -> list[Path]:
    """The files of one path; a name that exists is never taken for a pattern."""
    path = Path(os.path.expanduser(text))  # noqa: PTH111 - pathlib's raises for a user who does not exist
    try:
        if path.is_file():
            return [path]
        if path.is_dir():
            files = sorted(entry for entry in path.iterdir() if _is_recording(entry))
            return files or _none(spec, f"no .csv, .csv.gz or .parquet file in the folder {text!r}")
        if glob.has_magic(text):
            files = sorted(match for name in glob.iglob(str(path)) if (match := Path(name)).is_file())  # noqa: PTH207 - patterns may be absolute
            return files or _none(spec, f"no file matches {text!r}")
    except OSError as error:
        raise spec_error(spec.text, f"{text!r}: {error.strerror or error}") from None
    return _none(spec, f"no such file or folder: {text!r}")


def _is_recording(path: Path) -> bool:
    return path.name.endswith(_SUFFIXES) and path.is_file()


def _none(spec: ReplaySpec, why: str) -> list[Path]:
    raise spec_error(spec.text, why)
