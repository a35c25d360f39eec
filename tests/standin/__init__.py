"""A stand-in API server: Events and resources listed and watched as a real one does it, in a process of its own, with every
fault of one.

`python -m tests.standin [PORT [FOLDER]]` prints two addresses, of the API and for steering, and serves until its standard input
closes; with a folder it speaks TLS with the certificate there. A `StandIn` starts one and steers it.
"""

from tests.standin.client import StandIn, kubeconfig, make_certificate, warning

__all__ = ["StandIn", "kubeconfig", "make_certificate", "warning"]
