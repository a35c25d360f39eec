"""Imports the code of the long-lived children once, in the fork server, so that they start fast and share its memory pages."""

import gc

import kube9_operator.analyze.analyzer
import kube9_operator.supervise.child
import kube9_operator.watch.watcher
import kube9_operator.write.writer  # noqa: F401

LOADED = True

gc.collect()
gc.freeze()  # so that a garbage collection in a child does not write to these pages
