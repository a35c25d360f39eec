"""How Python behaves in every process of the operator: it imports nothing from the current directory, and warnings of libraries
stay out of the log. Standard library only, because it is called before anything else is imported.
"""

import os
import sys
import warnings

SAFE_PATH = "PYTHONSAFEPATH"
HELPER = ("-P", "-W", "ignore", "-m")
"""Options of Python for a helper process that runs one module."""


def set_up() -> None:
    """Prepares this process and those that it starts. PYTHONPATH and PYTHONWARNINGS are the user's choice and stay as they are.

    The fork server and the resource tracker are `python -c …`, which would look for modules in the current directory first.
    https://docs.python.org/3/using/cmdline.html#envvar-PYTHONSAFEPATH
    """
    os.environ[SAFE_PATH] = "1"
    if not sys.flags.safe_path and sys.path and _is_current(sys.path[0]):
        del sys.path[0]
    if not sys.warnoptions:
        sys.warnoptions.append("ignore")  # multiprocessing gives it to the fork server and the resource tracker
        warnings.simplefilter("ignore")


def _is_current(folder: str) -> bool:
    """Whether a folder is the current one, which may have been removed."""
    try:
        return folder == "" or os.path.samefile(folder, ".")
    except OSError:
        return False


def set_up_child(safe_path: bool) -> None:
    """Prepares a child of the fork server. `safe_path` says whether the user has set PYTHONSAFEPATH: a credential plug-in that
    is a Python program must see the user's environment, not ours.
    """
    if not safe_path:
        os.environ.pop(SAFE_PATH, None)


def incomplete(error: ImportError) -> str:
    """Why the operator cannot run, where a module cannot be imported."""
    return f"the installation is incomplete: {' '.join(str(error).split())}; install kube9-operator again"
