"""`tradewatch keys`."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tradewatch.access.grant import PublishGrant
from tradewatch.access.key import Scope, digest_of
from tradewatch.access.store import KeyStore
from tradewatch.cli.keys import app
from tradewatch.clock import SystemClock
from tradewatch.errors import KeyStoreError, UsageError
from tradewatch.model.asset_class import AssetClass

UTC_SECOND = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    return result


def refused(*arguments: str) -> BaseException:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code != 0
    assert result.stdout == ""
    return result.exception


@pytest.fixture
def data_dir(tmp_path: Path) -> str:
    return str(tmp_path / "data")


def keys_in(data_dir: str) -> list:
    with KeyStore.open(Path(data_dir), clock=SystemClock()) as store:
        return store.load()


def test_create_prints_the_secret_alone_on_stdout(data_dir: str):
    result = run("create", "--name", "desk", "--data-dir", data_dir)
    assert re.fullmatch(r"tw_[0-9a-z]{12}_[0-9a-zA-Z]{43}\n", result.stdout)
    (key,) = keys_in(data_dir)
    assert key.digest == digest_of(result.stdout.strip())
    assert (key.name, key.plan, key.scopes, key.grant) == ("desk", "standard", frozenset(), PublishGrant())
    assert result.stderr == f"created key 'desk' ({key.id}), plan standard; its secret is shown only now:\n"


def test_create_with_everything(data_dir: str):
    run(
        *("create", "--name", "feed 7", "--plan", "unlimited", "--scope", "publish", "--scope", "drill"),
        *("--publish-class", "crypto", "--publish-class", "stocks", "--publish-symbol", "btc*"),
        *("--publish-symbol", "AAPL", "--known-symbols-only", "--data-dir", data_dir),
    )
    (key,) = keys_in(data_dir)
    assert (key.name, key.plan, key.scopes) == ("feed 7", "unlimited", {Scope.PUBLISH, Scope.DRILL})
    assert key.grant == PublishGrant(
        classes=frozenset({AssetClass.CRYPTO, AssetClass.STOCKS}), symbols=("BTC*", "AAPL"), may_create=False
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--name", "a\tb"],
            r"not a name for a key: 'a\tb' (1 to 64 printable characters, no space at either end)",
        ),
        (
            ["--name", "a", "--plan", "gold"],
            "no plan is called 'gold'; the plans are demo, standard, unlimited",
        ),
    ],
)
def test_create_refuses(data_dir: str, arguments: list[str], message: str):
    error = refused("create", *arguments, "--data-dir", data_dir)
    assert isinstance(error, KeyStoreError)
    assert str(error) == message
    assert error.exit_code == 1


@pytest.mark.parametrize(
    "option", [["--publish-class", "crypto"], ["--publish-symbol", "A*"], ["--known-symbols-only"]]
)
def test_what_may_be_published_needs_the_scope(data_dir: str, option: list[str]):
    error = refused("create", "--name", "a", "--scope", "drill", *option, "--data-dir", data_dir)
    assert isinstance(error, UsageError)
    assert "need --scope publish" in str(error)
    assert not Path(data_dir).exists()


@pytest.mark.parametrize("option", [["--scope", "root"], ["--publish-class", "bonds"]])
def test_words_outside_a_list_of_choices_are_used_wrongly(data_dir: str, option: list[str]):
    result = CliRunner().invoke(app, ["create", "--name", "a", *option, "--data-dir", data_dir])
    assert result.exit_code == 2
    assert option[1] in result.stderr


def test_list_before_any_key(data_dir: str):
    result = run("list", "--data-dir", data_dir)
    assert result.stdout == "ID  NAME  PLAN  SCOPES  CREATED  STATE\n"
    assert (Path(data_dir) / "access.db").is_file()


def test_list_shows_columns_and_no_secret(data_dir: str):
    create = ("create", "--data-dir", data_dir, "--name")
    texts = [
        run(*create, "a long name", "--scope", "publish", "--scope", "admin").stdout.strip(),
        run(*create, "b", "--plan", "demo").stdout.strip(),
    ]
    run("revoke", "b", "--data-dir", data_dir)
    heading, first, second = run("list", "--data-dir", data_dir).stdout.splitlines()
    assert re.split(r"  +", heading) == ["ID", "NAME", "PLAN", "SCOPES", "CREATED", "STATE"]
    assert re.fullmatch(
        rf"{texts[0][3:15]}  a long name  standard  admin,publish  {UTC_SECOND}  usable", first
    )
    assert re.fullmatch(
        rf"{texts[1][3:15]}  b            demo      -              {UTC_SECOND}  revoked {UTC_SECOND}", second
    )
    for text in texts:
        assert text[16:] not in first + second


def test_list_as_json_lines(data_dir: str):
    create = ("create", "--data-dir", data_dir, "--name")
    reader = run(*create, "reader").stdout
    publisher = run(*create, "p", "--scope", "publish", "--publish-class", "crypto").stdout
    run("revoke", "reader", "--data-dir", data_dir)
    output = run("list", "--json", "--data-dir", data_dir).stdout
    first, second = map(json.loads, output.splitlines())
    assert re.fullmatch(UTC_SECOND, first.pop("created"))
    assert re.fullmatch(UTC_SECOND, first.pop("revoked"))
    assert first == {"id": reader[3:15], "name": "reader", "plan": "standard", "scopes": [], "publish": None}
    assert second["revoked"] is None
    assert second["scopes"] == ["publish"]
    assert second["publish"] == {"classes": ["crypto"], "symbols": [], "may_create": True}
    assert reader[16:].strip() not in output
    assert publisher[16:].strip() not in output


def test_revoke_says_what_it_did(data_dir: str):
    text = run("create", "--name", "desk", "--data-dir", data_dir).stdout
    result = run("revoke", text[3:15], "--data-dir", data_dir)
    assert result.stdout == ""
    assert result.stderr == f"revoked key 'desk' ({text[3:15]})\n"
    assert keys_in(data_dir)[0].revoked_ns is not None
    assert "is revoked already" in str(refused("revoke", "desk", "--data-dir", data_dir))


def test_a_key_on_another_plan(data_dir: str, tmp_path: Path):
    config = tmp_path / "plans.toml"
    config.write_text("[plans.gold]\nsymbols = 5\n")
    run("create", "--name", "desk", "--data-dir", data_dir)
    result = run("change", "desk", "--plan", "gold", "--data-dir", data_dir, "--config", str(config))
    (key,) = keys_in(data_dir)
    assert key.plan == "gold"
    assert result.stderr == f"key 'desk' ({key.id}) is on plan gold\n"
    assert "no plan is called 'gold'" in str(
        refused("change", "desk", "--plan", "gold", "--data-dir", data_dir)
    )


def test_plans(tmp_path: Path):
    config = tmp_path / "plans.toml"
    config.write_text('[plans.late]\nasset_classes = ["stocks"]\ndelay_s = 900\n')
    assert run("plans", "--config", str(config)).stdout == (
        "LIMIT                    demo     standard  unlimited  late\n"
        "asset_classes            all      all       all        stocks\n"
        "websocket                yes      yes       yes        yes\n"
        "wildcard                 yes      yes       yes        yes\n"
        "connections              10       10        -          10\n"
        "symbols                  -        -         -          -\n"
        "symbols_per_message      -        -         -          -\n"
        "messages_per_10_s        -        -         -          -\n"
        "symbol_changes_per_10_s  -        -         -          -\n"
        "max_quotes_per_s         -        -         -          -\n"
        "delay_s                  0.0      0.0       0.0        900.0\n"
        "attempts_limited         yes      yes       no         yes\n"
        "rest                     yes      yes       yes        yes\n"
        "history                  yes      yes       yes        yes\n"
        "requests_per_10_s        2000     2000      -          2000\n"
        "requests_per_minute      6000     6000      -          6000\n"
        "requests_per_day         1000000  1000000   -          1000000\n"
    )


@pytest.mark.parametrize("origin", ["environment", "file"])
def test_the_data_directory_is_the_one_of_the_settings(
    origin: str, data_dir: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    if origin == "environment":
        monkeypatch.setenv("TRADEWATCH_DATA_DIR", data_dir)
        run("create", "--name", "desk")
    else:
        config = tmp_path / "tradewatch.toml"
        config.write_text(f"data_dir = {json.dumps(data_dir)}\n")
        run("create", "--name", "desk", "--config", str(config))
    assert [key.name for key in keys_in(data_dir)] == ["desk"]


def test_importing_the_commands_reads_nothing_heavy():
    heavy = {"alembic", "duckdb", "fastapi", "numpy", "rich", "sqlalchemy", "uvicorn", "websockets"}
    program = f"import sys, tradewatch.cli.keys; print(sorted({heavy} & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout == "[]\n"
