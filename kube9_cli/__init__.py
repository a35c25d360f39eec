"""kube9-cli answers questions about what the operator has recorded. It only reads, and shares only kube9_schema with it."""

import sys

if sys.argv[0].endswith("/kube9-cli"):
    # These are the first lines of ours that a process of kube9-cli runs. Until here, Ctrl-C prints a traceback of Python. The
    # module `signal` would take 3 ms before it could change that, because it imports enum. Where somebody has already decided
    # (nohup; a shell's job in the background), that stays.
    import _signal  # type: ignore[import-not-found]

    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
