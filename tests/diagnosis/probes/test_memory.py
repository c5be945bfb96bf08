"""Looking at memory: as the kernel tells it, of the machine and of control groups."""

from pathlib import Path

import psutil
import pytest

from tradewatch.diagnosis.probes.memory import look

MIB = 1 << 20


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A machine with 1,000 MiB available."""
    folder = tmp_path / "proc"
    (folder / "self").mkdir(parents=True)
    (folder / "meminfo").write_text("MemTotal:  9 kB\nMemAvailable:    1024000 kB\n")
    return folder


def group(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


@pytest.mark.parametrize(
    ("groups", "limit", "available_mib"),
    [
        ("0::/\n", {}, 1_000),
        ("0::/a/b\n", {"a": ("max", "5")}, 1_000),
        ("0::/a/b\n", {"a": (f"{300 * MIB}\n", f"{100 * MIB}\n")}, 200),
        ("0::/a/b\n", {"a": (f"{300 * MIB}", "0"), "a/b": (f"{400 * MIB}", f"{250 * MIB}")}, 150),
        ("0::/not/seen/from/here\n", {"": (f"{64 * MIB}", f"{65 * MIB}")}, 0),
    ],
)
def test_the_tightest_limit_counts(
    proc: Path, tmp_path: Path, groups: str, limit: dict[str, tuple[str, str]], available_mib: int
) -> None:
    (proc / "self" / "cgroup").write_text(groups)
    for path, (most, taken) in limit.items():
        group(tmp_path / "cgroup" / path, memory__max=most, memory__current=taken)
    assert look(proc=proc, cgroups=tmp_path / "cgroup").available_bytes == available_mib * MIB


def test_the_first_version_of_control_groups(proc: Path, tmp_path: Path) -> None:
    (proc / "self" / "cgroup").write_text("4:memory:/a\n3:cpu:/b\n0::/\n")
    group(
        tmp_path / "memory" / "a",
        memory__limit_in_bytes=str(10 * MIB),
        memory__usage_in_bytes=str(4 * MIB),
    )
    assert look(proc=proc, cgroups=tmp_path).available_bytes == 6 * MIB


def test_where_nothing_is_told_nothing_is_known(tmp_path: Path) -> None:
    assert look(proc=tmp_path, cgroups=tmp_path).available_bytes is None


@pytest.mark.skipif(not Path("/proc/meminfo").exists(), reason="no /proc on this machine")
def test_this_machine() -> None:
    available_bytes = look().available_bytes
    assert available_bytes is not None
    assert 0 < available_bytes <= psutil.virtual_memory().total
