"""A stand-in for kubectl, with which `kubectl kube9` can be tried without a cluster.

It knows pods by a file, in the form in which the plugin asks for them, and runs on this machine what would run in a pod.
"""

import os
from pathlib import Path

from tests.krew import PLUGIN
from tests.operator import BIN

RUNS = "kube9-system|kube9-operator-0|Running|2026-11-24T10:00:00Z|true|||operator"
"""An operator's pod that runs."""
KUBECTL = """#!/bin/sh
printf '%s\\n' "$*" >> "$STANDIN/calls"
case "$*" in
    kube9\\ *) shift; exec kubectl-kube9 "$@" ;;
    *--all-namespaces*)
        if [ -e "$STANDIN/refusal" ]; then cat "$STANDIN/refusal" >&2; exit 1; fi
        cat "$STANDIN/pods"; exit ;;
    *' pods -n '*)
        while [ "$1" != -n ]; do shift; done
        if [ -e "$STANDIN/refused-$2" ]; then cat "$STANDIN/refused-$2" >&2; exit 1; fi
        grep "^$2|" "$STANDIN/pods"; exit 0 ;;
esac
while [ "$1" != -- ]; do shift; done
shift
exec "$@"
"""


def install(folder: Path) -> dict[str, str]:
    """Puts the stand-in into a folder, with a pod that runs; returns the environment in which it is kubectl."""
    (folder / "kubectl").write_text(KUBECTL, encoding="utf-8")
    (folder / "kubectl").chmod(0o755)
    (folder / "pods").write_text(f"{RUNS}\n", encoding="utf-8")
    path = os.pathsep.join(map(str, (folder, PLUGIN.parent, BIN, os.environ["PATH"])))
    return {"PATH": path, "STANDIN": str(folder), "TMPDIR": str(folder)}
