"""Loads address and credentials of the API server, from the service account or from a kubeconfig. It never prints a secret."""

import json
import os
import urllib.parse
from typing import Any

import msgspec
from kubernetes.client.configuration import Configuration
from kubernetes.config import load_incluster_config
from kubernetes.config.dateutil import parse_rfc3339
from kubernetes.config.exec_provider import ExecProvider
from kubernetes.config.kube_config import FileOrData, KubeConfigLoader, KubeConfigMerger

from kube9_operator.watch import plugin
from kube9_operator.watch.plugin import Unusable

DEFAULT_KUBECONFIG = "~/.kube/config"


class Status(msgspec.Struct, frozen=True, rename="camel"):
    """The credentials that a plug-in returns: a token, or a certificate with its key."""

    token: str | None = None
    client_certificate_data: str | None = None
    client_key_data: str | None = None
    expiration_timestamp: str | None = None


class Credential(msgspec.Struct, frozen=True, rename="camel"):
    """client.authentication.k8s.io ExecCredential."""

    api_version: str
    status: Status


_credential = msgspec.json.Decoder(Credential)


class Plugin(ExecProvider):  # type: ignore[misc]
    """The library's plug-in provider, with bounds."""

    def give(self, seconds: float) -> Status:
        """Runs the plug-in and returns what it gave. Raises Unusable."""
        spec: dict[str, Any] = {"interactive": False}
        if self.cluster:
            cluster = dict(self.cluster.value)
            for one in cluster.get("extensions") or ():
                if one["name"] == "client.authentication.k8s.io/exec":
                    cluster["config"] = one["extension"]
            spec["cluster"] = cluster
        info = {"apiVersion": self.api_version, "kind": "ExecCredential", "spec": spec}
        environment = self.env | {"KUBERNETES_EXEC_INFO": json.dumps(info)}
        printed = plugin.run([str(one) for one in self.args], environment, self.cwd, seconds)
        try:
            found = _credential.decode(printed)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            raise Unusable("the output of the plug-in is not an ExecCredential") from None
        if found.api_version != self.api_version:
            raise Unusable(f"the plug-in returned an ExecCredential of another version than {self.api_version}")
        return found.status


class Loader(KubeConfigLoader):  # type: ignore[misc]
    """The library's reader of kubeconfigs, with bounded plug-ins, whose failures are not hidden."""

    def __init__(self, merged: KubeConfigMerger, plugin_seconds: float) -> None:
        super().__init__(
            config_dict=merged.config,
            config_base_path=None,
            config_persister=merged.save_changes,
            get_google_credentials=_refuse,
        )
        self._plugin_seconds = plugin_seconds

    def _load_from_exec_plugin(self) -> bool | None:
        if "exec" not in self._user:
            return None
        base = self._get_base_path(self._cluster.path)
        status = Plugin(self._user["exec"], base, self._cluster).give(self._plugin_seconds)
        if status.token:
            self.token = f"Bearer {status.token}"
        elif status.client_certificate_data and status.client_key_data:
            data = {"certificate": status.client_certificate_data, "key": status.client_key_data}
            self.cert_file, self.key_file = (
                FileOrData(data, None, data_key_name=name, file_base_path=base, base64_file_content=False).as_file()
                for name in data
            )
        else:
            raise Unusable("the plug-in returned neither a token nor a certificate with its key")
        if status.expiration_timestamp:
            self.expiry = parse_rfc3339(status.expiration_timestamp)
        return True

    def _load_cluster_info(self) -> None:
        super()._load_cluster_info()
        self.host: str = without_user(str(self.host))


def _refuse() -> None:
    raise Unusable("the token of auth-provider has expired and cannot be renewed: use an exec plug-in")


class Chosen(Configuration):  # type: ignore[misc]
    """The library's configuration, which refuses a token that cannot be sent: http.client would print it."""

    def get_api_key_with_prefix(self, identifier: str, alias: str | None = None) -> str | None:
        """Returns the value of the Authorization header. Raises Unusable."""
        value = super().get_api_key_with_prefix(identifier, alias)
        if value is None:
            return None
        scheme, _, secret = str(value).strip().partition(" ")
        secret = secret.strip()
        if not secret or not all("!" <= one <= "~" for one in secret):
            raise Unusable("the token is empty, or contains characters that cannot be sent")
        return f"{scheme} {secret}"


def load(plugin_seconds: float) -> Any:
    """Returns the configuration for the library's client: of the service account if there is one, otherwise of the kubeconfig
    that kubectl would use. Raises Unusable, and whatever a broken file leads to.
    """
    chosen = Chosen()
    if in_cluster():
        load_incluster_config(client_configuration=chosen)
    else:
        merged = KubeConfigMerger(os.environ.get("KUBECONFIG") or DEFAULT_KUBECONFIG)
        if merged.config is None:
            raise Unusable("no such file")
        Loader(merged, plugin_seconds).load_and_set(chosen)
    chosen.retries = False
    chosen.keep_alive = True
    return chosen


def in_cluster() -> bool:
    """Returns whether the service account of this pod is used."""
    return bool(os.environ.get("KUBERNETES_SERVICE_HOST")) and not os.environ.get("KUBECONFIG")


def without_user(address: str) -> str:
    """Returns the address of a server without user and password, which the library would not send. Raises Unusable."""
    try:
        found = urllib.parse.urlsplit(address)
        assert found.port != 0
    except (ValueError, AssertionError):
        raise Unusable("the address of the server is not a URL") from None
    return urllib.parse.urlunsplit((found.scheme, found.netloc.rpartition("@")[2], found.path, "", ""))
