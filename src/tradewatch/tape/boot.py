"""Which boot of the machine this is: within one, nothing that was written to a file can have been lost."""

import platform
import subprocess
from pathlib import Path


def boot_id() -> str:
    """A name that changes when the machine restarts; empty where the system does not tell."""
    try:
        match platform.system():
            case "Linux":
                return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
            case "Darwin":
                command = ["/usr/sbin/sysctl", "-n", "kern.boottime"]
                return subprocess.check_output(command, timeout=5, text=True).strip()  # noqa: S603 - a constant
            case _:
                return ""
    except (OSError, subprocess.SubprocessError):
        return ""
