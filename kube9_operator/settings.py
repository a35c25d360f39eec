"""The settings, from environment variables. All are checked at the start. docs/configuration.md describes them."""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from kube9_operator.model.sources import Source, watched
from kube9_schema.assessments import FULL, PILLAR, PILLARS

if TYPE_CHECKING:
    from kube9_operator.analyze.limits import Limits
    from kube9_operator.model.rules.rule import Rule


AUTO, ON, OFF = "auto", "true", "false"
"""Whether Argo CD is looked for, taken for granted, or ignored."""


class SettingError(Exception):
    """Some settings are wrong. Each of `args` names a variable, its value, and what is allowed."""


class Settings(msgspec.Struct, frozen=True):
    """The values of all settings."""

    log_level: str
    database_folder: str
    health_port: int
    namespace: str
    quiet_minutes: int
    queue_size: int
    event_ttl_seconds: int
    status_interval_seconds: int
    info_warning_days: int
    error_critical_days: int
    database_max_mib: int
    reasons_include: frozenset[str]
    reasons_exclude: frozenset[str]
    rules: "tuple[Rule, ...]"
    """Of the user's file, as they were at the start."""
    wait_minutes: int
    watch_config_maps: bool
    argocd: str
    """AUTO, ON or OFF."""
    argocd_auto_detect: bool
    argocd_namespace: str
    argocd_selector: str
    argocd_detection_hours: int
    flux: bool
    assessment_enabled: bool
    assessment_interval_seconds: int
    assessment_mode: str
    assessment_pillar: str
    assessment_timeout_seconds: int
    assessment_config_maps: bool
    collections_enabled: bool
    cluster_metadata_interval_seconds: int
    resource_inventory_interval_seconds: int
    configuration_patterns_interval_seconds: int
    api_key_file: str
    server_url: str
    server_ca_file: str
    insights_enabled: bool
    insights_interval_seconds: int
    insights_limits: "Limits"
    sink_url: str
    """Where to send what is recorded; '' for nowhere."""
    sink_headers_file: str
    sink_ca_file: str
    sink_client_cert_file: str
    sink_client_key_file: str
    sink_backfill_days: int | None
    """How far back events are sent that were recorded before there was a sink; None for all."""
    cluster_name: str

    def watched(self) -> dict[str, Source]:
        """The sources that are watched."""
        return watched(self.watch_config_maps, self.argocd != OFF and self.argocd_auto_detect, self.flux)


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Returns the settings. A variable that is absent or empty has its default. Raises SettingError if any are wrong."""
    found = Settings(**values(environment, VARIABLES))
    if (found.assessment_mode == PILLAR) != bool(found.assessment_pillar):
        raise SettingError(
            f"ASSESSMENT_PILLAR={found.assessment_pillar}: "
            "must name a pillar if ASSESSMENT_MODE is pillar, and otherwise be empty"
        )
    if found.sink_client_key_file and not found.sink_client_cert_file:
        raise SettingError(f"SINK_CLIENT_KEY_FILE={found.sink_client_key_file}: needs SINK_CLIENT_CERT_FILE too")
    if found.api_key_file and not found.server_url:
        raise SettingError("SERVER_URL=: must be the address of the kube9 server, because API_KEY_FILE is set")
    return found


def values(environment: Mapping[str, str], fields: Iterable[str]) -> dict[str, Any]:
    """Returns the values of some fields of the settings. Raises SettingError if any are wrong."""
    found: dict[str, Any] = {}
    wrong: list[str] = []
    for field in fields:
        variable, default, parse = VARIABLES[field]
        text = environment.get(variable, "").strip() or default
        try:
            found[field] = parse(text)
        except ValueError as error:
            wrong.append(f"{variable}={text}: {error}")
    if wrong:
        raise SettingError(*wrong)
    return found


def _level(text: str) -> str:
    level = "warning" if text.lower() == "warn" else text.lower()
    if level not in LOG_LEVELS:
        raise ValueError(f"must be one of {', '.join(LOG_LEVELS)}")
    return level


def _folder(text: str) -> str:
    if not text.startswith("/"):
        raise ValueError("must be the absolute path of a folder, such as /data")
    if not Path(text).is_dir():
        raise ValueError("must be an existing folder")
    return text


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 65_536):
        raise ValueError("must be a port from 1 to 65535, or 0 for any free port")
    return int(text)


def _label(text: str) -> str:
    if text and not re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", text):
        raise ValueError("must be the name of a namespace: at most 63 lower-case letters, digits and hyphens")
    return text


def _selector(text: str) -> str:
    if not text.isprintable() or len(text) > 1_000:
        raise ValueError("must be a label selector, such as app.kubernetes.io/name=argocd-server")
    return text


def _whole(least: int, most: int, unit: str) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
            raise ValueError(f"must be a whole number of {unit} from {least} to {most}")
        return int(text)

    return parse


def _switch(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError("must be true or false")
    return text.lower() == "true"


def _one_of(*allowed: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"must be one of {', '.join(word or '(empty)' for word in allowed)}")
        return text

    return parse


def _reasons(text: str) -> frozenset[str]:
    reasons = frozenset(part.strip() for part in text.split(",") if part.strip())
    if any(not part.isprintable() or " " in part for part in reasons):
        raise ValueError("must be reasons of Events separated by commas, such as Started,Killing")
    return reasons


def _reasons_to_leave_out(text: str) -> frozenset[str]:
    if "*" in _reasons(text):
        raise ValueError("must be reasons of Events; * is not allowed, because nothing would be recorded")
    return _reasons(text)


def _file(text: str) -> str:
    if text and not text.startswith("/"):
        raise ValueError("must be the absolute path of a file")
    return text


def _server(text: str) -> str:
    # Without whitespace, user, query or fragment, which would otherwise be sent or logged.
    if text and not re.fullmatch(r"https://[A-Za-z0-9.-]+(:[1-9][0-9]{0,4})?(/[A-Za-z0-9._~/-]*)?", text):
        raise ValueError("must be an address such as https://kube9.example.com, with https")
    if text and (port := text.removeprefix("https://").partition("/")[0].partition(":")[2]) and int(port) > 65_535:
        raise ValueError("must have a port up to 65535")
    return text


def _rules(text: str) -> "tuple[Rule, ...]":
    if not text:
        return ()
    from kube9_operator.model.rules import loader  # with a parser of YAML, which the supervisor needs for this alone

    if not text.startswith("/"):
        raise ValueError("must be the absolute path of a file")
    return loader.read(Path(text))


def _limits(text: str) -> "Limits":
    from kube9_operator.analyze import limits  # only where the operator starts

    return limits.parse(text)


def _url(text: str) -> str:
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        is_whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_whole = False
    if not is_whole or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("must be a whole URL, such as https://logs.example.com/insert/opentelemetry/v1/logs")
    if parts.username is not None or parts.fragment:
        raise ValueError("must have neither a user nor a fragment; SINK_HEADERS_FILE takes an Authorization header")
    return text


def _backfill(text: str) -> int | None:
    if text == "all":
        return None
    if text == "none":
        return 0
    if re.fullmatch(r"[1-9][0-9]{0,3}d", text):
        return int(text[:-1])
    raise ValueError("must be all, none, or a number of days such as 7d")


def _name(text: str) -> str:
    if len(text) > 253 or not text.isprintable():
        raise ValueError("must be a name of at most 253 characters")
    return text


LOG_LEVELS = ("debug", "info", "warning", "error")

VARIABLES: dict[str, tuple[str, str, Callable[[str], Any]]] = {
    "log_level": ("LOG_LEVEL", "info", _level),
    "database_folder": ("DB_PATH", "/data", _folder),
    "health_port": ("HEALTH_PORT", "8080", _port),
    "namespace": ("POD_NAMESPACE", "", _label),
    # Readers treat a status that is older than five minutes as degraded.
    "status_interval_seconds": ("STATUS_UPDATE_INTERVAL_SECONDS", "60", _whole(1, 299, "seconds")),
    "event_ttl_seconds": ("KUBERNETES_EVENT_TTL_SECONDS", "3600", _whole(1, 604_800, "seconds")),
    "quiet_minutes": ("EVENT_QUIET_MINUTES", "60", _whole(1, 10_080, "minutes")),
    "queue_size": ("EVENT_QUEUE_SIZE", "1000", _whole(500, 100_000, "observations")),
    "info_warning_days": ("EVENT_RETENTION_INFO_WARNING_DAYS", "7", _whole(1, 3_650, "days")),
    "error_critical_days": ("EVENT_RETENTION_ERROR_CRITICAL_DAYS", "30", _whole(1, 3_650, "days")),
    "database_max_mib": ("DATABASE_MAX_SIZE_MIB", "1024", _whole(16, 1_048_576, "MiB")),
    "reasons_include": ("EVENT_REASONS_INCLUDE", "", _reasons),
    "reasons_exclude": ("EVENT_REASONS_EXCLUDE", "", _reasons_to_leave_out),
    "rules": ("EVENT_RULES_FILE", "", _rules),
    "wait_minutes": ("EVENT_WAIT_MINUTES", "10", _whole(1, 1_440, "minutes")),
    "watch_config_maps": ("WATCH_CONFIG_MAPS", "false", _switch),
    "argocd": ("ARGOCD_ENABLED", AUTO, _one_of(AUTO, ON, OFF)),
    "argocd_auto_detect": ("ARGOCD_AUTO_DETECT", "true", _switch),
    "argocd_namespace": ("ARGOCD_NAMESPACE", "argocd", _label),
    "argocd_selector": ("ARGOCD_SELECTOR", "app.kubernetes.io/name=argocd-server", _selector),
    "argocd_detection_hours": ("ARGOCD_DETECTION_INTERVAL_HOURS", "6", _whole(1, 168, "hours")),
    "flux": ("FLUX_ENABLED", "true", _switch),
    "assessment_enabled": ("ASSESSMENT_ENABLED", "true", _switch),
    "assessment_interval_seconds": ("ASSESSMENT_INTERVAL_SECONDS", "86400", _whole(3_600, 31_536_000, "seconds")),
    "assessment_mode": ("ASSESSMENT_MODE", "full", _one_of(FULL, PILLAR)),
    "assessment_pillar": ("ASSESSMENT_PILLAR", "", _one_of("", *PILLARS)),
    "assessment_timeout_seconds": ("ASSESSMENT_TIMEOUT_SECONDS", "600", _whole(60, 604_800, "seconds")),
    "assessment_config_maps": ("ASSESSMENT_READ_CONFIG_MAPS", "false", _switch),
    "collections_enabled": ("COLLECTIONS_ENABLED", "true", _switch),
    "cluster_metadata_interval_seconds": (
        "CLUSTER_METADATA_INTERVAL_SECONDS",
        "86400",
        _whole(3_600, 31_536_000, "seconds"),
    ),
    "resource_inventory_interval_seconds": (
        "RESOURCE_INVENTORY_INTERVAL_SECONDS",
        "21600",
        _whole(1_800, 31_536_000, "seconds"),
    ),
    "configuration_patterns_interval_seconds": (
        "RESOURCE_CONFIGURATION_PATTERNS_INTERVAL_SECONDS",
        "43200",
        _whole(3_600, 31_536_000, "seconds"),
    ),
    "api_key_file": ("API_KEY_FILE", "", _file),
    "server_url": ("SERVER_URL", "", _server),
    "server_ca_file": ("SERVER_CA_FILE", "", _file),
    "insights_enabled": ("INSIGHTS_ENABLED", "true", _switch),
    "insights_interval_seconds": ("INSIGHTS_INTERVAL_SECONDS", "60", _whole(1, 3_600, "seconds")),
    "insights_limits": ("INSIGHTS_THRESHOLDS", "{}", _limits),
    "sink_url": ("SINK_URL", "", _url),
    "sink_headers_file": ("SINK_HEADERS_FILE", "", _file),
    "sink_ca_file": ("SINK_CA_FILE", "", _file),
    "sink_client_cert_file": ("SINK_CLIENT_CERT_FILE", "", _file),
    "sink_client_key_file": ("SINK_CLIENT_KEY_FILE", "", _file),
    "sink_backfill_days": ("SINK_BACKFILL", "all", _backfill),
    "cluster_name": ("CLUSTER_NAME", "", _name),
}
"""The variable of each field, its default, and the function that parses it."""
