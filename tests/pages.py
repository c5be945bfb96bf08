"""The Markdown pages of the project: their blocks, their links, and how a page is executed.

A page is executed as a reader would follow it: its `sh` and `python` blocks run one after another in one
shell, in a fresh directory. A `text` block shows what the block before it prints: each of its lines must be
among the lines printed, in the same order; `...` stands for anything. A `console` block is shown and not run.
"""

import contextlib
import os
import re
import shlex
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").rglob("*.md"))]
#: The port that the pages name.
PORT = "8000"

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CODE_SPAN = re.compile(r"`[^`\n]+`")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_RUN_S = 50


class Block(NamedTuple):
    """A fenced block.

    Attributes:
        language: `sh`, `python`, `console`, ...
        text: what stands between the fences.
        line: where it begins on the page.
        shown: the `text` block that follows before any other, or nothing.
    """

    language: str
    text: str
    line: int
    shown: str


def blocks_of(text: str) -> list[Block]:
    """The fenced blocks of a page, in order, `text` blocks among them."""
    found = list(_FENCE.finditer(text))
    follows = [*found[1:], None] if found else []
    return [
        Block(
            language=fence[1],
            text=fence[2],
            line=text.count("\n", 0, fence.start()) + 1,
            shown=after[2] if after and after[1] == "text" and fence[1] != "text" else "",
        )
        for fence, after in zip(found, follows, strict=True)
    ]


def commands_in(block: Block) -> list[str]:
    """The commands of a `console` block, without their prompts; continued lines are joined."""
    lines = block.text.replace("\\\n", " ").splitlines()
    return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]


def words_of(command: str) -> list[str]:
    """A command as the shell would cut it; what the shell itself would take (`&`, `|`) is a word."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    return list(lexer)


def prose_of(text: str) -> str:
    """A page without its fenced blocks."""
    return _FENCE.sub("", text)


def links_of(text: str) -> list[str]:
    """Where a page points to within the project: `path`, `path#anchor` or `#anchor`."""
    targets = _LINK.findall(_CODE_SPAN.sub("", prose_of(text)))
    return [target for target in targets if not re.match(r"[a-z]+:", target)]


def anchors_of(text: str) -> set[str]:
    """The anchors that a page's headings have where it is rendered."""
    headings = _HEADING.findall(prose_of(text))
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


def not_shown(expected: str, output: str) -> str | None:
    """The first line of `expected` that the output lacks (after those before it); None where it has all."""
    printed = iter(output.splitlines())
    for line in expected.splitlines():
        pattern = ".*".join(map(re.escape, line.split("...")))
        if line.strip(" .") and not any(re.fullmatch(pattern, found) for found in printed):
            return line
    return None


class Run(NamedTuple):
    """What came of executing a page: its exit code, what each block printed, whether processes are left."""

    code: int
    printed: list[tuple[Block, str]]
    left_running: bool


def execute(blocks: list[Block], directory: Path, *, port: int, environ: Mapping[str, str]) -> Run:
    """Run blocks of `sh` and `python` in one shell, with the port of the pages replaced."""
    steps = ["set -euo pipefail"]
    for number, block in enumerate(blocks):
        text = _with_port(block.text, port)
        if block.language == "python":
            (directory / f"block_{number}.py").write_text(text)
            text = f"python block_{number}.py\n"
        steps.append(f"echo; echo '{_mark(number)}'\n{text}")
    steps.append(f"echo; echo '{_mark(len(blocks))}'")
    log = directory / "output.log"
    with log.open("wb") as output, _shell("\n".join(steps), directory, output.fileno(), environ) as shell:
        code = shell.wait(_RUN_S)
        left_running = _is_running(shell.pid)
    text = log.read_text()
    printed = []
    for number, block in enumerate(blocks):
        _, _, rest = text.partition(f"\n{_mark(number)}\n")
        printed.append((block._replace(shown=_with_port(block.shown, port)), rest.partition("\n<<block ")[0]))
    return Run(code, printed, left_running)


@contextlib.contextmanager
def _shell(
    script: str, directory: Path, output: int, environ: Mapping[str, str]
) -> Iterator["subprocess.Popen[bytes]"]:
    """A shell that runs a script; it and all that it started is gone at the end."""
    shell = subprocess.Popen(
        ["bash", "-c", script],
        cwd=directory,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield shell
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGKILL)
        shell.wait(10)


def _is_running(group: int) -> bool:
    """Whether any process of a group lives."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def _mark(number: int) -> str:
    return f"<<block {number}>>"


def _with_port(text: str, port: int) -> str:
    return re.sub(rf"\b{PORT}\b", str(port), text)
