"""All deadlines, intervals and back-offs, in one Struct that `main` passes down. How they relate is tested."""

import msgspec

from kube9_schema.intervals import CONFIRMATION_SECONDS


class Deadlines(msgspec.Struct, frozen=True):
    """Seconds throughout. A chain must hold: beat < hang < shutdown < the pod's grace period (30 s in the chart)."""

    # Supervision
    beat: float = 1.0
    """A child says this often that its loop turns."""
    hang: float = 10.0
    """A child that has not said so for this long is killed."""
    lock_wait: float = 30.0
    """How long a writer waits for the lock file of another before it says who holds it and gives up."""
    migrate: float = 600.0
    """How long opening and migrating the database may take; the writer says beforehand that it begins."""
    restart_first: float = 0.1
    restart_most: float = 30.0
    """Back-off between generations: the first wait, doubled up to the longest."""
    healthy_after: float = 60.0
    """A generation that lived this long resets the back-off."""

    # Shutdown, in this order; each is the longest its step may take
    stop_watchers: float = 3.0
    flush: float = 5.0
    kill: float = 2.0
    orphan_exit: float = 2.0
    """How long a child whose supervisor has gone may take to end itself."""

    # Watches
    connect: float = 10.0
    plugin: float = 20.0
    """A credential plug-in that takes longer is ended."""
    read: float = 30.0
    """Without a byte of a list's answer for this long, the request has failed."""
    page: float = 60.0
    """A page of a list, or an object, arrives whole within this."""
    watch_least: int = 60
    watch_most: int = 90
    """A watch asks to be ended after a random time between these: a clean end vouches for a quiet source."""
    bookmarked_least: int = 300
    bookmarked_most: int = 600
    """The same of a watch that gets bookmarks (client-go's times): these vouch for it in between."""
    bookmark: float = 95.0
    """A watch that gets bookmarks has failed without a line for this long: an API server sends one every 60 to 75 s."""
    watch_silence: float = 15.0
    """A watch that is not ended this long after the time it asked for is taken for dead."""
    empty_list: float = 2.0
    """An empty list, which would say that all is gone, is asked for again after this long."""
    empty_watch: float = 1.5
    """A watch that ends this soon without a line is an expired version in disguise (client-go's rule is 1 s)."""
    patience: float = 30.0
    """How long a watch stops reading where the writer does not keep up; after that the least severe give way."""
    retry_first: float = 1.0
    retry_most: float = 60.0
    retry_reset: float = 120.0
    """Back-off of a watch: doubled with jitter up to the longest, reset after a stream that lived this long."""
    denied_retry: float = 180.0
    """A watch that is forbidden or not served is tried again this often."""
    compare: float = 300.0
    """This often all Events are listed, to be compared with what is recorded."""
    compare_patience: float = 30.0
    """What a watch has not delivered this long after such a list, it has missed."""
    confirmation: float = CONFIRMATION_SECONDS
    """A source for which nothing has vouched for this long is not current."""

    # Writer
    commit_wait: float = 0.05
    """How long a batch that is not full waits for more."""
    settle: float = 10.0
    """A service that has lost more than half of its endpoints for this long has lost them."""
    lasting: float = 300.0
    """What goes on is said to go on this often."""
    database_retry_first: float = 0.1
    database_retry_most: float = 5.0
    write_back: float = 30.0
    """What the WAL has is written back into the file this often, however little."""
    retention: float = 6 * 3600.0
    """What is too old is deleted this often."""
    retention_retry: float = 60.0
    """… and after trouble with the database this soon."""
    inspect_first: float = 1.0
    """This long after its start the database is looked through for damage …"""
    inspect: float = 86_400.0
    """… and then this often …"""
    inspect_retry: float = 60.0
    """… or this soon where it could not be: it was locked, or the process was killed."""
    size_look: float = 1.0
    """This often it is looked how large the database is."""
    size_quiet: float = 600.0
    """What the limit of size took is one event as long as it goes on without a longer pause than this."""
    busy: float = 2.0
    """How long SQLite itself waits for a lock before it says busy."""

    def shutdown(self) -> float:
        """The longest that an ordered shutdown takes: see Supervisor._end."""
        return self.stop_watchers + self.kill + self.flush + self.kill

    def still(self) -> float:
        """A watch that has done nothing for this long is stuck: no wait of its own is longer."""
        asking = self.plugin + self.connect + self.page
        return self.watch_most + self.watch_silence + self.patience + self.denied_retry + 2 * asking


GRACE_PERIOD_SECONDS = 30
"""terminationGracePeriodSeconds of the pod."""
