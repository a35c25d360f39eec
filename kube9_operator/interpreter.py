"""Sets up Python in every process: no imports from the current directory, and no warnings of libraries in the log.

Imports the standard library only, because it runs before anything else is imported.
"""

import os
import sys
import warnings

SAFE_PATH = "PYTHONSAFEPATH"
HELPER = ("-P", "-W", "ignore", "-m")
"""Options of Python for a short-lived process that runs one module."""


def set_up() -> None:
    """Prepares this process and those that it starts. PYTHONPATH and PYTHONWARNINGS are left as the user has set them.

    The fork server and the resource tracker are `python -c …`, which would search the current directory for modules first.
    https://docs.python.org/3/using/cmdline.html#envvar-PYTHONSAFEPATH
    """
    os.environ[SAFE_PATH] = "1"
    if not sys.flags.safe_path and sys.path and _is_current(sys.path[0]):
        del sys.path[0]
    if not sys.warnoptions:
        sys.warnoptions.append("ignore")  # multiprocessing passes it to the fork server and the resource tracker
        warnings.simplefilter("ignore")


def _is_current(folder: str) -> bool:
    """Returns whether a folder is the current directory, which may have been removed."""
    try:
        return folder == "" or os.path.samefile(folder, ".")
    except OSError:
        return False


def set_up_child(safe_path: bool) -> None:
    """Prepares a child of the fork server. `safe_path` says whether the user has set PYTHONSAFEPATH.

    If not, the variable is removed: a credential plug-in that is a Python program must see the environment of the user.
    """
    if not safe_path:
        os.environ.pop(SAFE_PATH, None)


def incomplete(error: ImportError) -> str:
    """Returns why the operator cannot run if a module cannot be imported."""
    return f"the installation is incomplete: {' '.join(str(error).split())}; install kube9-operator again"
