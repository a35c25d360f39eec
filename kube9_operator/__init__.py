"""kube9-operator: records what happens in a Kubernetes cluster. Importing this package imports no other module of it."""

import sys

__version__ = "0.1.0"

if sys.argv[0].endswith("/kube9-operator") and sys.argv[1:2] in (["query"], ["assess"]):
    # Ctrl-C ends a query quietly, as kube9_cli/__init__.py says. The operator itself has handlers of its own.
    import _signal  # type: ignore[import-not-found]

    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
