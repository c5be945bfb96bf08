"""What a server costs is what it and all that it started cost."""

import subprocess
import sys

from bench.process import ServerProcess


def test_a_server_s_children_count_whatever_group_they_are_of() -> None:
    program = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'while True: pass'], start_new_session=True)\n"
        "print(f'listens on http://127.0.0.1:{child.pid}', flush=True)\n"
        "time.sleep(60)\n"
    )
    server = ServerProcess([sys.executable, "-c", program], core=0)
    child = server.port
    try:
        assert server.children == [child]
        begin_s = server.cpu_s()
        while server.cpu_s() < begin_s + 0.1:
            pass
    finally:
        subprocess.run(["kill", "-9", str(child)], check=True)
        server.stop()
