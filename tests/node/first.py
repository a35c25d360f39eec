"""Process 1 of a space (see space.py), run as a script: gives it folders and a network of its own, says so, and reaps.

It ends when its standard input does, and with it, by the kernel, every process of the space.
"""

import signal
import subprocess
import sys
from pathlib import Path


def main(folder: Path) -> None:
    for own, usual in (("lib", "/var/lib"), ("log", "/var/log")):
        (folder / own).mkdir(exist_ok=True)
        run("mount", "--bind", folder / own, usual)
    run("mount", "-t", "tmpfs", "-o", "mode=755", "space", "/run")
    # What a container mounts is seen in this space, and nowhere else.
    run("mount", "--make-rshared", "/")
    run("ip", "link", "set", "lo", "up")
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1", encoding="ascii")
    # The shims of containers leave their ends to this process.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.read()


def run(*command: object) -> None:
    subprocess.run([str(word) for word in command], check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
