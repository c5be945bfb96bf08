"""The frame of the command line: what is printed where, and with what code the program ends."""

import os
import resource
import subprocess
import sys
from collections.abc import Callable

import pytest
import typer

import tradewatch
from tradewatch.cli import main
from tradewatch.errors import TapeError, TradewatchError

Run = Callable[..., "subprocess.CompletedProcess[str]"]

_HEAVY = {
    "alembic",
    "duckdb",
    "fastapi",
    "numpy",
    "prometheus_client",
    "pydantic",
    "rich",
    "sqlalchemy",
    "uvicorn",
    "websockets",
}


class TestVersion:
    def test_is_printed(self, run: Run) -> None:
        done = run("--version")
        assert (done.stdout, done.stderr, done.returncode) == (
            f"tradewatch {tradewatch.__version__}\n",
            "",
            0,
        )

    def test_is_an_option_like_others(self, run: Run) -> None:
        done = run("--version", "stream")
        assert (done.stdout, done.stderr, done.returncode) == (
            f"tradewatch {tradewatch.__version__}\n",
            "",
            0,
        )

    def test_imports_next_to_nothing(self) -> None:
        modules = modules_of(
            "import runpy; sys.argv = ['tradewatch', '--version']\n"
            "try: runpy.run_module('tradewatch', run_name='__main__')\n"
        )
        assert modules & {*_HEAVY, "typer", "msgspec", "asyncio"} == set()
        assert {name for name in modules if name.startswith("tradewatch")} == {"tradewatch"}
        assert len(modules) < 100

    def test_takes_little_time(self, run: Run) -> None:
        assert min(cpu_s(run) for _ in range(5)) < 0.2

    def test_a_reader_that_went_away_is_no_error(self) -> None:
        reading, writing = os.pipe()
        os.close(reading)
        done = subprocess.run(
            [sys.executable, "-m", "tradewatch", "--version"], stdout=writing, stderr=subprocess.PIPE
        )
        os.close(writing)
        assert (done.stderr, done.returncode) == (b"", 0)


def modules_of(program: str) -> set[str]:
    """The modules that are loaded when a program ends; it is followed by `finally`."""
    program = f"import sys\n{program}finally: print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


def cpu_s(run: Run) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run("--version")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_the_tree_of_commands_imports_nothing_heavy() -> None:
    """A shell that completes waits for it at every key."""
    modules = modules_of("try: from tradewatch.cli.main import run\n")
    assert "typer" in modules
    assert modules & _HEAVY == set()


class TestUsage:
    @pytest.mark.parametrize(
        ("arguments", "line"),
        [
            (["frob"], "No such command 'frob' (see 'tradewatch --help')"),
            (["--frob"], "No such option: --frob (see 'tradewatch --help')"),
            (["stream"], "Missing argument 'CLASS' (see {help})"),
            (["stream", "crypto"], "Missing argument 'SYMBOL' (see {help})"),
            (
                ["stream", "crypto", "BTCUSD", "--count", "0"],
                "Invalid value for '--count': Input should be greater than or equal to 1 (see {help})",
            ),
            (
                ["stream", "coins", "BTCUSD"],
                "no class 'coins'; there are currencies, crypto, stocks, indices, commodities, all",
            ),
            (
                ["config", "show", "--port", "x"],
                'port = "x" (option --port) is not a whole number from 0 to 65535',
            ),
            (
                ["config", "show", "--config", "/a\nb"],
                "file /a\\nb cannot be read: No such file or directory",
            ),
        ],
    )
    def test_mistakes_are_one_line_and_code_2(self, run: Run, arguments: list[str], line: str) -> None:
        done = run(*arguments)
        line = line.replace("{help}", "'tradewatch stream --help'")
        assert (done.stdout, done.stderr, done.returncode) == ("", f"tradewatch: {line}\n", 2)

    @pytest.mark.parametrize("group", [[], ["config"], ["keys"]])
    def test_a_group_alone_answers_with_its_help(self, run: Run, group: list[str]) -> None:
        alone, asked = run(*group), run(*group, "--help")
        assert (alone.stdout, alone.returncode) == ("", 2)
        assert (asked.stderr, asked.returncode) == ("", 0)
        assert alone.stderr == asked.stdout
        assert asked.stdout.startswith(f"Usage: {' '.join(['tradewatch', *group])} [OPTIONS] COMMAND")

    def test_help_names_the_commands(self, run: Run) -> None:
        lines = run("--help").stdout.split("Commands:\n")[1].split("\n\n")[0].splitlines()
        expected = "serve stream quote symbols import usage doctor keys insights config feeds"
        assert [line.split()[0] for line in lines] == expected.split()


class TestEndings:
    @pytest.fixture
    def ended(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException | None], int]:
        """Runs a program whose one command raises what is given; its exit code."""

        def run_raising(error: BaseException | None) -> int:
            app = typer.Typer()

            @app.command()
            def command() -> None:
                if error is not None:
                    raise error

            monkeypatch.setattr(main, "app", app)
            monkeypatch.setattr(sys, "argv", ["tradewatch"])
            with pytest.raises(SystemExit) as ending:
                main.run()
            assert isinstance(ending.value.code, int)
            return ending.value.code

        return run_raising

    @pytest.mark.parametrize(
        ("error", "code", "stderr"),
        [
            (None, 0, ""),
            (typer.Exit(7), 7, ""),
            (TradewatchError("it failed"), 1, "tradewatch: it failed\n"),
            (TapeError("a\x1b[31m\nb é"), 1, "tradewatch: a\\x1b[31m\\nb é\n"),
            (
                ValueError("boom\nbang"),
                1,
                "tradewatch: unexpected ValueError: boom\\nbang (PYTHONDEVMODE=1 shows where)\n",
            ),
            (KeyboardInterrupt(), 130, ""),
        ],
    )
    def test_codes_and_lines(
        self,
        ended: Callable[[BaseException | None], int],
        capfd: pytest.CaptureFixture[str],
        error: BaseException | None,
        code: int,
        stderr: str,
    ) -> None:
        assert ended(error) == code
        assert capfd.readouterr() == ("", stderr)

    def test_a_reader_that_has_enough_is_no_error(self) -> None:
        reading, writing = os.pipe()
        os.close(reading)
        with subprocess.Popen(
            [sys.executable, "-m", "tradewatch", "config", "show"], stdout=writing, stderr=subprocess.PIPE
        ) as process:
            os.close(writing)
            _, stderr = process.communicate(timeout=60)
        assert (stderr, process.returncode) == (b"", 0)

    def test_development_mode_shows_where(self) -> None:
        program = (
            "import sys, typer; from tradewatch.cli import main\n"
            "main.app = typer.Typer(pretty_exceptions_enable=False)\n"
            "@main.app.command()\n"
            "def fail(): raise ValueError('boom')\n"
            "sys.argv = ['tradewatch']; main.run()"
        )
        done = subprocess.run(
            [sys.executable, "-X", "dev", "-c", program], capture_output=True, text=True, check=False
        )
        assert done.returncode == 1
        assert "Traceback" in done.stderr
        assert done.stderr.endswith("ValueError: boom\n")
