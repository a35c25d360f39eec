"""What the fork server imports once, so that each child starts in milliseconds and shares these pages with the others."""

import gc

import kube9_operator.supervise.child
import kube9_operator.watch.watcher
import kube9_operator.write.writer  # noqa: F401

LOADED = True

gc.collect()
gc.freeze()  # so that no collection in a child writes to these pages
