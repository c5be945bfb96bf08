"""The pages say what is so: their commands run, print what they show, and their links lead somewhere."""

import contextlib
import json
import os
import re
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
import typer.main

from tests.pages import (
    PAGES,
    README,
    ROOT,
    Block,
    Run,
    anchors_of,
    blocks_of,
    commands_in,
    execute,
    links_of,
    not_shown,
    words_of,
)
from tests.system.server import Server
from tradewatch.cli.main import app
from tradewatch.feeds.spec import parse_feed_spec
from tradewatch.model.asset_class import AssetClass
from tradewatch.settings.keys import KEYS

_RUN = ("sh", "python")
_RUNNABLE = [page for page in PAGES if any(block.language in _RUN for block in blocks_of(page.read_text()))]
_CONSOLES = [
    (page, block)
    for page in PAGES
    for block in blocks_of(page.read_text())
    if block.language == "console" and page.name != "commands.md"  # whose lines name what an argument is
]
_LINKING = sorted({*PAGES, *ROOT.glob("[A-Z]*.md")})
_READERS = 3
_START_S = 90


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def reader_environ(data_dir: Path) -> dict[str, str]:
    """What a reader's shell has: the program on the PATH, and nothing of the machine that runs the tests."""
    inherited = {
        variable: value
        for variable, value in os.environ.items()
        if not re.match(r"TRADEWATCH_|MAKE|MFLAGS|.*_proxy$", variable, re.IGNORECASE)
    }
    return {
        **inherited,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "TRADEWATCH_DATA_DIR": str(data_dir),
        "PYTHONUNBUFFERED": "1",
    }


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def run_page(page: Path, directory: Path) -> Run:
    """Follow a page as a reader does, beside a running server where the page starts none itself."""
    blocks = [block for block in blocks_of(page.read_text()) if block.language in _RUN]
    environ = reader_environ(directory / "data")
    with contextlib.ExitStack() as running:
        if any("tradewatch serve" in block.text for block in blocks):
            port = free_port()
        else:
            server = Server(directory / "data", env=environ)
            running.callback(server.kill)
            port = int(server.address.rpartition(":")[2])
            environ["TRADEWATCH_API_KEY"] = server.demo_key
        environ |= {"TRADEWATCH_PORT": str(port), "TRADEWATCH_URL": f"ws://127.0.0.1:{port}"}
        shell_directory = directory / "page"
        shell_directory.mkdir()
        return execute(blocks, shell_directory, port=port, environ=environ)


@pytest.fixture(scope="module")
def runs(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[Path, "Future[Run]"]]:
    """All pages that are asked for, being followed: a few side by side, for they mostly wait."""
    items = [item for item in request.session.items if "runs" in getattr(item, "fixturenames", ())]
    pages = [Path(str(item.callspec.params["page"])) for item in items if isinstance(item, pytest.Function)]
    with ThreadPoolExecutor(_READERS) as readers:
        yield {page: readers.submit(run_page, page, tmp_path_factory.mktemp(page.stem)) for page in pages}


@pytest.mark.parametrize("page", _RUNNABLE, ids=name)
def test_a_page_does_what_it_says(page: Path, runs: dict[Path, "Future[Run]"]) -> None:
    run = runs[page].result()
    output = "".join(printed for _, printed in run.printed)
    assert run.code == 0, output
    for block, printed in run.printed:
        missing = not_shown(block.shown, printed)
        assert missing is None, f"{name(page)}:{block.line} does not print {missing!r} but\n{printed}"
    assert not run.left_running, f"{name(page)} leaves a process behind\n{output}"


def test_a_page_that_does_something_else_is_noticed(tmp_path: Path) -> None:
    page = "```sh\necho one\nsleep 60 &\n```\n```text\no..e\n```\n```python\nraise SystemExit(3)\n```\n"
    shell, text, program = blocks_of(page)
    run = execute([shell, program], tmp_path, port=1, environ=reader_environ(tmp_path))
    assert (run.code, run.left_running) == (3, True)
    assert (shell.shown, text.shown, program.shown) == (text.text, "", "")
    assert not_shown("o..e", "one") == "o..e"
    assert not_shown("o...\n...\ne", "one\ne") is None
    assert not_shown("two\none", "one\ntwo") == "one"


@pytest.mark.parametrize(
    ("page", "block"), _CONSOLES, ids=[f"{name(page)}:{block.line}" for page, block in _CONSOLES]
)
def test_commands_that_are_only_shown_are_commands(page: Path, block: Block) -> None:
    for command in commands_in(block):
        assert_parses(command)


def test_the_feeds_that_a_page_hands_to_make_are_feeds() -> None:
    commands = [line for page in PAGES for line in re.findall(r'make serve ARGS=".*?"', page.read_text())]
    assert commands
    for command in commands:
        assert_parses(command)


def assert_parses(command: str) -> None:
    """The program takes this command line; the shell takes no part of it for itself."""
    words = words_of(command)
    if words[:2] == ["make", "serve"] and words[2:]:
        command = words[2].removeprefix("ARGS=")
        words = ["tradewatch", "serve", *words_of(command)]
    if words[0] != "tradewatch":
        return
    assert not {"&", "|", ";", "<", ">"} & set(words), f"quote what the shell would take: {command}"
    node, arguments = typer.main.get_command(app), words[1:]
    context = node.make_context(node.name, arguments)
    while isinstance(node, typer.core.TyperGroup) and (arguments or not node.invoke_without_command):
        _, found, arguments = node.resolve_command(context, [*context._protected_args, *context.args])
        assert found
        node, context = found, found.make_context(found.name, arguments, parent=context)
    for feed in context.params.get("feeds") or ():
        parse_feed_spec(feed)
        assert f"'{feed}'" in command or not set("?&*") & set(feed), f"quote the feed: {command}"


@pytest.mark.parametrize("page", _LINKING, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in links_of(page.read_text()):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.is_relative_to(ROOT), link
        assert target.exists(), link
        if anchor:
            assert anchor in anchors_of(target.read_text()), link


def test_every_page_is_in_the_index() -> None:
    index = ROOT / "docs" / "README.md"
    listed = {(index.parent / link.partition("#")[0]).resolve() for link in links_of(index.read_text())}
    assert set(PAGES) - listed <= {README, index}


def test_settings_that_pages_name_exist() -> None:
    named = {
        setting
        for page in _LINKING
        if page.name != "use-the-python-client.md"  # where `stream` is a variable
        for setting in re.findall(r"`((?:limits|stream|tape)\.(?!py`)[a-z0-9_]+)`", page.read_text())
    }
    assert "limits.send_buffer_bytes" in named
    assert named <= set(KEYS)


def test_the_readme_is_short_and_begins_with_a_result() -> None:
    lines = README.read_text().splitlines()
    assert len(lines) <= 150
    first_screen = "\n".join(lines[:30])
    assert "$ make serve" in first_screen
    assert '"symbol":"EURUSD"' in first_screen


@pytest.mark.slow
def test_the_first_two_commands_of_the_readme(tmp_path: Path) -> None:
    """`make serve`, then the command that it prints; quotes of all classes, and a clean end."""
    environ = {**reader_environ(tmp_path / "elsewhere"), "PATH": os.environ["PATH"]}
    banner = tmp_path / "banner.txt"
    with banner.open("w") as output:
        make = subprocess.Popen(
            ["make", "serve", f"ARGS=--port 0 --data-dir {tmp_path / 'data'}"],
            cwd=ROOT,
            env=environ,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        command = printed_command(banner, make)
        streamed = subprocess.run(
            [*command, "--count", "40"], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=30
        )
        assert streamed.returncode == 0, streamed.stderr
        assert streamed.stderr == "the prices of this server are simulated\n"
        quotes = [json.loads(line) for line in streamed.stdout.splitlines()]
        assert len(quotes) == 40
        assert {quote["asset_class"] for quote in quotes} == set(AssetClass)

        (server,) = psutil.Process(make.pid).children()
        server.terminate()
        assert make.wait(15) == 0
    finally:
        for process in psutil.Process(make.pid).children(recursive=True) if make.poll() is None else ():
            process.kill()
        make.wait(10)
    assert not_shown(shown_after("make serve", "docs/tutorial/first-stream.md"), banner.read_text()) is None
    for line in shown_after("make serve", "README.md").splitlines():
        assert list(json.loads(line)) == list(quotes[0]), "the README shows quotes as they are"


def printed_command(banner: Path, make: "subprocess.Popen[bytes]") -> list[str]:
    """The command that a starting server prints, once it does."""
    deadline = time.monotonic() + _START_S
    while not (found := re.search(r"^ +(\S+ stream .+)$", banner.read_text(), re.MULTILINE)):
        assert make.poll() is None, banner.read_text()
        assert time.monotonic() < deadline, banner.read_text()
        time.sleep(0.05)
    return shlex.split(found[1])


def shown_after(command: str, page: str) -> str:
    """The text that a page shows after the console block with a command."""
    blocks = blocks_of((ROOT / page).read_text())
    return next(block.shown for block in blocks if block.language == "console" and command in block.text)
