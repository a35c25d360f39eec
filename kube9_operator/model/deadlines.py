"""The deadlines, intervals and back-offs that relate to each other. `main` passes them down, and a test compares them."""

import msgspec

from kube9_schema.intervals import CONFIRMATION_SECONDS


class Deadlines(msgspec.Struct, frozen=True):
    """All in seconds. beat < hang < shutdown() < the grace period of the pod (30 s in the chart)."""

    # Supervision
    beat: float = 1.0
    """How often a child sends a heartbeat."""
    hang: float = 10.0
    """A child without a heartbeat for this long is killed."""
    lock_wait: float = 30.0
    """How long a writer waits for the lock of another before it gives up and names the holder."""
    migrate: float = 600.0
    """How long opening and migrating the database may take. The writer announces it."""
    restart_first: float = 0.1
    restart_most: float = 30.0
    """Back-off between worker generations: the first wait, and the longest."""
    healthy_after: float = 60.0
    """A worker generation that ran for this long resets the back-off."""
    side_first: float = 1.0
    side_most: float = 300.0
    """Back-off of a side process that failed: the first wait, and the longest."""
    side_patience: float = 300.0
    """Health is degraded if a side process has failed again and again for this long."""
    assess_first: float = 300.0
    """How long after its start the operator begins the first assessment at the earliest."""
    assess_grace: float = 120.0
    """An assessment that goes on for this long after its time is over hangs."""
    collect_first: float = 120.0
    """How long after its start the operator makes the first collections at the earliest."""
    collect_retry: float = 900.0
    """How soon a collection that failed is made again."""
    collect_most: float = 600.0
    """The kinds that are not listed by then cannot be collected."""
    register_first: float = 30.0
    """How long after its start the operator registers with a kube9 server, if there is a key."""
    register_most: float = 600.0
    """A registrar that goes on for longer hangs."""
    volume_check: float = 1.0
    """How often the files of the database are checked."""
    volume_stale: float = 10.0
    """A volume on which such a check takes longer hangs."""
    http_request: float = 5.0
    """How long a request to the HTTP server and its response may take."""

    # Shutdown: the most that each step may take, in this order
    stop_watchers: float = 3.0
    flush: float = 5.0
    kill: float = 2.0
    orphan_exit: float = 2.0
    """How long a child may take to end itself after its supervisor is gone."""

    # Watches
    connect: float = 10.0
    plugin: float = 20.0
    """A credential plug-in that takes longer is ended."""
    read: float = 30.0
    """A request fails if no byte of the response to a list arrives for this long."""
    page: float = 60.0
    """A page of a list, or a single object, must arrive completely within this time."""
    watch_least: int = 60
    watch_most: int = 90
    """A watch asks the server to end it after a random time between these. Its regular end confirms a quiet source."""
    bookmarked_least: int = 300
    bookmarked_most: int = 600
    """The same for a watch with bookmarks, as in client-go. The bookmarks confirm the source in between."""
    bookmark: float = 95.0
    """A watch with bookmarks fails if no line arrives for this long. An API server sends one every 60 to 75 s."""
    watch_silence: float = 15.0
    """A watch is considered dead if it does not end within this time after it should have."""
    empty_list: float = 2.0
    """An empty list would mean that all objects are gone, so it is requested again after this time."""
    empty_watch: float = 1.5
    """A watch that ends this soon without a line means that the version has expired. client-go's limit is 1 s."""
    patience: float = 30.0
    """How long a watch stops reading if the writer does not keep up. Then the least severe observations are dropped."""
    retry_first: float = 1.0
    retry_most: float = 60.0
    retry_reset: float = 120.0
    """Back-off of a watch: the first wait, the longest, and how long a stream must live to reset it."""
    denied_retry: float = 180.0
    """How often a watch that is forbidden or not served is tried again."""
    absent_retry: float = 15.0
    """How often the API server is asked whether it has a custom resource now. The answer also confirms that it had none."""
    detect: float = 60.0
    """How often Argo CD is looked for until it is found, and its API is asked whether it answers."""
    compare: float = 300.0
    """How often all Events are listed, to compare them with what is recorded."""
    compare_patience: float = 30.0
    """An Event that the watch has not delivered this long after such a list is missed."""
    confirmation: float = CONFIRMATION_SECONDS
    """A source that has not been confirmed for this long makes health unhealthy."""

    # Writer
    commit_wait: float = 0.05
    """How long a batch that is not full waits for more."""
    settle: float = 10.0
    """A service has lost endpoints if it has had less than half of them for this long."""
    lasting: float = 300.0
    """How often the last time of an ongoing event is moved on."""
    database_retry_first: float = 0.1
    database_retry_most: float = 5.0
    """Back-off of the writer when the database cannot be written: the first wait, and the longest."""
    write_back: float = 30.0
    """How often the WAL is written back into the file, even if it is short."""
    retention: float = 6 * 3600.0
    """How often events that are too old are deleted."""
    retention_retry: float = 60.0
    """How soon that is tried again after a failure of the database."""
    inspect_first: float = 1.0
    """How long after its start the database is checked for damage."""
    inspect: float = 86_400.0
    """How often the database is checked for damage after that."""
    inspect_retry: float = 60.0
    """How soon the check is tried again if the database was locked or the process was killed."""
    size_look: float = 1.0
    """How often the size of the database is measured."""
    size_quiet: float = 600.0
    """Deletions because of the size limit are one event as long as the pauses between them are shorter than this."""
    busy: float = 2.0
    """How long SQLite waits for a lock before it returns SQLITE_BUSY."""

    def shutdown(self) -> float:
        """Returns the longest time that an ordered shutdown takes: see Supervisor._stop_children."""
        return self.stop_watchers + self.kill + self.flush + self.kill

    def stuck(self) -> float:
        """Returns after how many seconds a watch that does nothing is stuck: it never waits longer than this."""
        asking = self.plugin + self.connect + self.page
        return self.watch_most + self.watch_silence + self.patience + self.denied_retry + 2 * asking


GRACE_PERIOD_SECONDS = 30
"""terminationGracePeriodSeconds of the pod."""
PROBE_TIMEOUT_SECONDS = 5
"""timeoutSeconds of the probes of the pod."""
