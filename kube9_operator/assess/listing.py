"""Lists the objects of a kind for an assessment: by pages, one object decoded at a time and reduced at once."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from kube9_operator import logs
from kube9_operator.assess.kinds import apis
from kube9_operator.assess.kinds.forms import Reading
from kube9_operator.assess.readings import CONFIG_MAPS, READINGS
from kube9_operator.assess.run import ListFailed, NotPermitted, NotServed, Read
from kube9_operator.clock import SYSTEM, Clock
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.text import limits
from kube9_operator.watch.batch import Batch
from kube9_operator.watch.client import Client
from kube9_operator.watch.decoding import decode
from kube9_operator.watch.errors import ApiError, Expired
from kube9_operator.watch.kind import Kind
from kube9_operator.watch.pager import Pager

TRIES = 3
MAX_ERROR_CHARACTERS = 200
FORBIDDEN, UNAUTHORIZED, NOT_FOUND = 403, 401, 404


class _Listed(Kind, frozen=True):
    """A kind that is listed at a path of its own, not as a source."""

    listed_path: str = ""

    @property
    def path(self) -> str:
        """The path of all objects in all namespaces."""
        return self.listed_path


class Listing:
    """Lists kinds, with one client. For one thread."""

    def __init__(
        self,
        client: Client,
        deadlines: Deadlines,
        read_config_maps: bool = False,
        clock: Clock = SYSTEM,
        wait: Callable[[float], None] = time.sleep,
        readings: Mapping[str, Reading] = READINGS,
    ) -> None:
        """`readings` are the kinds that it can list. Without `read_config_maps`, ConfigMaps are not even asked for."""
        self._client = client
        self._deadlines = deadlines
        self._read_config_maps = read_config_maps
        self._clock = clock
        self._wait = wait
        self._readings = readings

    def pages(self, kind: str) -> Iterator[Read]:
        """Yields the objects of a kind. Raises NotPermitted, NotServed or ListFailed."""
        if kind == CONFIG_MAPS and not self._read_config_maps:
            raise NotPermitted("ConfigMaps are not read, because the chart value assessments.readConfigMaps is false")
        whole, tries = False, 0
        while True:
            try:
                yield from self._once(kind, whole)
                return
            except ApiError as error:
                tries += 1
                whole = whole or isinstance(error, Expired)
                self._judge(kind, error, tries)

    def _once(self, kind: str, whole: bool) -> Iterator[Read]:
        if kind == apis.KIND:
            yield Read(apis.served(self._client, self._deadlines), 0, True)
            return
        reading = self._readings[kind]
        found: list[Any] = []
        pager = Pager(_kind(reading, found), self._client, self._deadlines, self._clock)
        first = True
        for page in pager.full_list() if whole else pager.pages():
            yield Read(found[:], page.batch.counts.undecodable, first)
            found.clear()
            first = False

    def _judge(self, kind: str, error: ApiError, tries: int) -> None:
        """Waits before another try. Raises what the run is told if there is none."""
        permission = self._readings[kind].permission if kind in self._readings else "/apis"
        if error.status == FORBIDDEN:
            raise NotPermitted(f"the operator lacks the permission to list {permission}") from None
        if error.status == NOT_FOUND:
            raise NotServed(f"the API server does not serve {permission}") from None
        if tries >= TRIES:
            text, _ = limits.line(logs.one_line(error), MAX_ERROR_CHARACTERS)
            raise ListFailed(f"{permission} could not be listed: {text}") from None
        if error.status == UNAUTHORIZED:
            self._client.reload_credentials()
        if not isinstance(error, Expired):
            asked = min(error.retry_after, self._deadlines.retry_most)
            self._wait(max(asked, self._deadlines.retry_first * tries))


def _kind(reading: Reading, found: list[Any]) -> Kind:
    """A kind whose objects are reduced into `found`."""
    decoder = msgspec.json.Decoder(reading.form)

    def take(raw: msgspec.Raw, batch: Batch) -> str:
        batch.counts.received += 1
        try:
            reduced = reading.reduce(decode(decoder, raw))
        except Exception:  # nothing that an object contains may end a run; its text may contain a secret
            batch.counts.undecodable += 1
            return ""
        if reduced is not None:
            found.append(reduced)
        return ""

    return _Listed(reading.resource, take, take, of_states=False, page_limit=reading.page_limit, listed_path=reading.path)
