"""Settings: where a value comes from, what is refused and how, and that a shown value can be read again."""

import tomllib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewatch.errors import SettingError
from tradewatch.protocol.limits import ConnectionLimits
from tradewatch.settings import LimitSettings, Settings, TapeSettings, load_settings, settings_with_origins
from tradewatch.settings.keys import KEYS, toml_text


def _file(directory: Path, text: str) -> Path:
    path = directory / "tradewatch.toml"
    path.write_text(text, encoding="utf-8")
    return path


class TestDefaults:
    def test_nothing_given_is_the_default_value(self) -> None:
        loaded = settings_with_origins(environ={})
        assert loaded.settings == Settings()
        assert set(loaded.origins.values()) == {"default"}
        assert list(loaded.origins) == list(KEYS)
        assert loaded.ignored == ()

    def test_the_numbers(self) -> None:
        made = Settings(data_dir=Path("d"))
        assert (made.host, made.port, made.feeds, made.role) == ("127.0.0.1", 8000, ("simulated",), "all")
        assert (made.tape.segment_bytes, made.tape.retain_bytes, made.tape.sync_ms) == (
            64 << 20,
            2 << 30,
            250,
        )
        assert made.stream.flush_min_ms == 0
        assert (made.limits.max_connections, made.limits.max_instruments) == (10_000, 100_000)

    def test_limits_of_a_connection_have_the_protocols_defaults(self) -> None:
        names = {"symbols": "symbols_per_connection"}
        limits, protocol = LimitSettings(), ConnectionLimits()
        shared = [n for n in ConnectionLimits.__struct_fields__ if hasattr(limits, names.get(n, n))]
        assert len(shared) == 12
        assert [getattr(limits, names.get(n, n)) for n in shared] == [getattr(protocol, n) for n in shared]

    def test_making_settings_opens_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
        monkeypatch.setenv("HOME", str(tmp_path))
        assert Settings().data_dir.name == "tradewatch"
        assert list(tmp_path.iterdir()) == []

    def test_settings_are_frozen(self) -> None:
        with pytest.raises(AttributeError):
            Settings().port = 1  # type: ignore[misc]

    def test_every_field_says_what_it_is_and_fits_its_own_bounds(self) -> None:
        loaded = settings_with_origins(environ={})
        for key, value, _ in loaded:
            assert key.meaning, key.name
            written = tomllib.loads(f"value = {toml_text(value)}")["value"]
            assert key.read(written, from_text=False) == value


class TestPrecedence:
    @pytest.mark.parametrize(
        ("file", "environment", "option", "port", "origin"),
        [
            (None, None, None, 8000, "default"),
            (1, None, None, 1, "file {file}"),
            (None, "2", None, 2, "environment TRADEWATCH_PORT"),
            (1, "2", None, 2, "environment TRADEWATCH_PORT"),
            (None, None, "3", 3, "option --port"),
            (1, None, "3", 3, "option --port"),
            (None, "2", "3", 3, "option --port"),
            (1, "2", "3", 3, "option --port"),
            (1, "", None, 1, "file {file}"),
            ("no port", "2", None, 2, "environment TRADEWATCH_PORT"),
            (None, "tcp://10.0.0.1:80", 3, 3, "option --port"),
        ],
    )
    def test_of_one_setting(
        self,
        tmp_path: Path,
        file: int | str | None,
        environment: str | None,
        option: object,
        port: int,
        origin: str,
    ) -> None:
        path = _file(tmp_path, "" if file is None else f"port = {toml_text(file)}\n")
        environ = {} if environment is None else {"TRADEWATCH_PORT": environment}
        loaded = settings_with_origins(config=path, options={"port": option}, environ=environ)
        assert loaded.settings == Settings(port=port)
        assert loaded.origins["port"] == origin.format(file=path)

    def test_in_a_table_each_key_for_itself(self, tmp_path: Path) -> None:
        path = _file(tmp_path, "[limits]\nidle_s = 5\nhead_s = 7\n\n[tape]\nsync_ms = 10\n")
        loaded = settings_with_origins(config=path, environ={"TRADEWATCH_LIMITS_HEAD_S": "1.5"})
        assert loaded.settings == Settings(
            limits=LimitSettings(idle_s=5, head_s=1.5), tape=TapeSettings(sync_ms=10)
        )
        assert loaded.origins["limits.idle_s"] == f"file {path}"
        assert loaded.origins["limits.head_s"] == "environment TRADEWATCH_LIMITS_HEAD_S"
        assert loaded.origins["limits.ping_interval_s"] == "default"

    def test_the_environment_may_name_the_file(self, tmp_path: Path) -> None:
        named = _file(tmp_path, "port = 1\n")
        other = tmp_path / "other.toml"
        other.write_text("port = 2\n")
        environ = {"TRADEWATCH_CONFIG": str(named)}
        assert load_settings(environ=environ).port == 1
        assert load_settings(environ=environ, config=other).port == 2
        assert load_settings(environ={"TRADEWATCH_CONFIG": ""}).port == 8000

    @pytest.mark.parametrize(
        ("text", "feeds"),
        [("a", ("a",)), ("a b", ("a", "b")), (" a\n b?x=1\n", ("a", "b?x=1")), (" ", ())],
    )
    def test_lists_in_the_environment(self, text: str, feeds: tuple[str, ...]) -> None:
        assert load_settings(environ={"TRADEWATCH_FEEDS": text}).feeds == feeds

    def test_a_list_of_options_keeps_its_blanks(self) -> None:
        assert load_settings(options={"feeds": ["replay:my file.csv", "b"]}, environ={}).feeds == (
            "replay:my file.csv",
            "b",
        )

    def test_home_directory_in_a_path(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("USERPROFILE", str(tmp_path))
        assert load_settings(options={"data_dir": "~/data"}, environ={}).data_dir == tmp_path / "data"

    def test_variables_of_others_are_ignored_and_named(self) -> None:
        loaded = settings_with_origins(
            environ={
                "TRADEWATCH_SERVICE_HOST": "10.0.0.1",
                "TRADEWATCH_LIMITS_IDLE": "5",
                "TRADEWATCH_API_KEY": "tw_secret",
                "TRADEWATCH_URL": "ws://example.com",
                "TRADEWATCH_CONFIG": "",
                "TRADEWATCH_HOST": "::1",
                "PATH": "/bin",
            }
        )
        assert loaded.ignored == ("TRADEWATCH_LIMITS_IDLE", "TRADEWATCH_SERVICE_HOST")
        assert loaded.settings == Settings(host="::1")


_PORT_RULE = "is not a whole number from 0 to 65535"
_KUBERNETES = (
    "; Kubernetes sets it so beside a service named tradewatch:"
    " put `enableServiceLinks: false` into the pod, or name the service otherwise"
)


class TestRefusals:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("prot = 1", "{file}: no setting 'prot'; did you mean 'port'?"),
            ("xyzzy = 1", "{file}: no setting 'xyzzy'"),
            (
                "[limits]\nmax_conections = 1",
                "{file}: no setting 'limits.max_conections'; did you mean 'limits.max_connections'?",
            ),
            ("[limit]\nidle_s = 1", "{file}: no setting 'limit'; did you mean 'limits'?"),
            ("limits = 5", "{file}: 'limits' is a table, not a value"),
            ("[port]\nnumber = 1", 'port = {{"number" = 1}} ({file}) ' + _PORT_RULE),
            ("port = '80'", 'port = "80" ({file}) ' + _PORT_RULE),
            ("port = true", "port = true ({file}) " + _PORT_RULE),
            ("port = 70000", "port = 70000 ({file}) " + _PORT_RULE),
            ("port = 80.5", "port = 80.5 ({file}) " + _PORT_RULE),
            ("host = ''", 'host = "" ({file}) is not a text of 1 to 255 characters'),
            ("data_dir = ''", 'data_dir = "" ({file}) is not a path'),
            ('data_dir = "a\\u0000b"', 'data_dir = "a\\u0000b" ({file}) is not a path'),
            ("tls_key = 3", "tls_key = 3 ({file}) is not a path, or empty"),
            ("feeds = 'simulated'", 'feeds = "simulated" ({file}) is not a list of texts'),
            ("feeds = [1]", "feeds = [1] ({file}) is not a list of texts"),
            ("log_level = 'loud'", 'log_level = "loud" ({file}) is not one of debug, info, warning, error'),
            (
                "limits.idle_s = 0",
                "limits.idle_s = 0 ({file}) is not a number of seconds above 0, at most 86400",
            ),
            (
                "limits.idle_s = nan",
                "limits.idle_s = nan ({file}) is not a number of seconds above 0, at most 86400",
            ),
            (
                "stream.flush_min_ms = -1",
                "stream.flush_min_ms = -1 ({file}) is not a number of milliseconds from 0 to 10000",
            ),
            (
                "limits.head_bytes = 5",
                "limits.head_bytes = 5 ({file}) is not a whole number of bytes from 1024 to 1048576",
            ),
            ("bus = 5", 'bus = "***" ({file}) is not a text'),
            ("bus = 'nats://user:hunter2@host'", "bus is set, but this version does not have a bus"),
            ("role = 'gateway'", "role 'gateway' needs a bus, which this version does not have"),
            ("workers = 2", "workers = 2 needs a bus, which this version does not have"),
            ("tls_cert = 'c.pem'", "tls_cert is set without tls_key: TLS needs both"),
            ("tls_key = 'k.pem'", "tls_key is set without tls_cert: TLS needs both"),
            (
                "limits.pong_timeout_s = 5",
                "limits.pong_timeout_s = 5.0 is less than limits.ping_interval_s = 20.0",
            ),
            (
                "tape.retain_bytes = 100000000",
                "tape.retain_bytes = 100000000 is less than two segments (tape.segment_bytes = 67108864)",
            ),
            ("port = ", "{file} is not TOML: Invalid value (at end of document)"),
        ],
    )
    def test_of_a_file(self, tmp_path: Path, text: str, message: str) -> None:
        path = _file(tmp_path, text)
        with pytest.raises(SettingError) as refused:
            load_settings(config=path, environ={})
        assert str(refused.value) == message.format(file=f"file {path}")

    @pytest.mark.parametrize(
        ("name", "text", "message"),
        [
            (
                "TRADEWATCH_PORT",
                "tcp://10.0.0.1:80",
                'port = "tcp://10.0.0.1:80" (environment TRADEWATCH_PORT) ' + _PORT_RULE + _KUBERNETES,
            ),
            ("TRADEWATCH_PORT", "1 000", f'port = "1 000" (environment TRADEWATCH_PORT) {_PORT_RULE}'),
            ("TRADEWATCH_PORT", "a\nb", f'port = "a\\nb" (environment TRADEWATCH_PORT) {_PORT_RULE}'),
            (
                "TRADEWATCH_PORT",
                "9" * 5000,
                f'port = "{"9" * 79}... (environment TRADEWATCH_PORT) {_PORT_RULE}',
            ),
            (
                "TRADEWATCH_LOG_FORMAT",
                "xml",
                'log_format = "xml" (environment TRADEWATCH_LOG_FORMAT) is not one of text, json',
            ),
            (
                "TRADEWATCH_DATA_DIR",
                "\udcff",
                'data_dir = "\udcff" (environment TRADEWATCH_DATA_DIR) is not a path',
            ),
            (
                "TRADEWATCH_DATA_DIR",
                "~nobody-has-this-name/x",
                'data_dir = "~nobody-has-this-name/x" (environment TRADEWATCH_DATA_DIR) is not a path',
            ),
        ],
    )
    def test_of_the_environment(self, name: str, text: str, message: str) -> None:
        with pytest.raises(SettingError) as refused:
            load_settings(environ={name: text})
        assert str(refused.value) == message

    def test_of_an_option_names_the_option(self) -> None:
        with pytest.raises(SettingError) as refused:
            load_settings(options={"feeds": 5}, environ={})
        assert str(refused.value) == "feeds = 5 (option --feed) is not a list of texts"

    def test_files_that_cannot_be_read(self, tmp_path: Path) -> None:
        absent = tmp_path / "absent.toml"
        with pytest.raises(
            SettingError, match=r"^file .*absent\.toml cannot be read: No such file or directory$"
        ):
            load_settings(config=absent, environ={})
        with pytest.raises(SettingError, match=r"cannot be read: Is a directory$"):
            load_settings(config=tmp_path, environ={})
        absent.write_bytes(b'host = "\xff"')
        with pytest.raises(SettingError, match=r"absent\.toml is not TOML: 'utf-8' codec"):
            load_settings(config=absent, environ={})

    def test_a_secret_is_in_no_message_and_no_repr(self) -> None:
        with pytest.raises(SettingError) as refused:
            load_settings(environ={"TRADEWATCH_BUS": "nats://user:hunter2@host"})
        assert "hunter2" not in str(refused.value)
        assert KEYS["bus"].shown("nats://user:hunter2@host") == '"***"'

    def test_exit_code_says_used_wrongly(self) -> None:
        assert SettingError.exit_code == 2


_BY_TYPE = {int: st.integers(-(2**70), 2**70), float: st.floats(), str: st.text()}
_NUMBERS = [name for name, key in KEYS.items() if "number" in key.rule]
_TEXTS = ["host", "data_dir", "tls_cert", "log_level", "feeds"]


class TestLaws:
    @settings(deadline=None, max_examples=300)
    @given(
        name=st.sampled_from(_NUMBERS),
        text=st.one_of(
            st.text(st.characters(codec=None, exclude_characters="\0"), min_size=1),
            st.from_regex(r"-?[0-9]{1,30}(\.[0-9]{1,5})?(e[0-9]{1,4})?", fullmatch=True),
        ),
    )
    def test_a_text_for_a_number_is_taken_within_bounds_or_refused_by_name(
        self, name: str, text: str
    ) -> None:
        key = KEYS[name]
        try:
            value = key.read(text, from_text=True)
        except ValueError:
            with pytest.raises(SettingError) as refused:
                load_settings(environ={key.environment: text})
            assert str(refused.value).startswith(f"{name} = ")
            assert key.rule in str(refused.value)
        else:
            assert msgspec.convert(value, key.annotation) == value
            assert float(text) == value

    @settings(deadline=None, max_examples=300)
    @given(
        name=st.sampled_from([*_NUMBERS, *_TEXTS]),
        given_value=st.one_of(*_BY_TYPE.values(), st.lists(st.text(), max_size=3)),
    )
    def test_what_is_taken_and_shown_is_taken_again_from_a_file(self, name: str, given_value: object) -> None:
        key = KEYS[name]
        try:
            value = key.read(given_value, from_text=True)
        except ValueError:
            return
        line = f"{name} = {key.shown(value)}  # origin"
        written = tomllib.loads(line)
        for part in name.split("."):
            written = written[part]
        assert key.read(written, from_text=False) == value
