"""The command line of kube9-operator. Standard library only: the man page is built from this file alone."""

import argparse
from typing import Any, NoReturn

DESCRIPTION = """\
Watches a Kubernetes cluster and records what happens in a SQLite database. Without a command it runs the operator. In a pod it
uses the service account of the pod, elsewhere the cluster that kubectl uses. Its settings are environment variables. Query the
record with kube9-cli."""

ENVIRONMENT = {
    "LOG_LEVEL": "How much is logged: debug, info, warning or error (default: info)",
    "DB_PATH": "The folder of the database. It must exist and be writable (default: /data)",
    "HEALTH_PORT": "The port of health and metrics over HTTP; 0 takes any free port (default: 8080)",
    "POD_NAMESPACE": "The namespace of the operator. It keeps the ConfigMap kube9-operator-status there; empty: no ConfigMap",
    "STATUS_UPDATE_INTERVAL_SECONDS": "How often that ConfigMap is written when nothing changes, 1 to 299 (default: 60)",
    "KUBERNETES_EVENT_TTL_SECONDS": "How long the API server keeps Events: its --event-ttl (default: 3600)",
    "EVENT_QUIET_MINUTES": "If a problem repeats after a longer silence, that is a new event (default: 60)",
    "EVENT_QUEUE_SIZE": "How many observations of a watch may wait for the writer (default: 1000)",
    "EVENT_RETENTION_INFO_WARNING_DAYS": "How long events of severity info and warning are kept (default: 7)",
    "EVENT_RETENTION_ERROR_CRITICAL_DAYS": "How long events of severity error and critical are kept (default: 30)",
    "DATABASE_MAX_SIZE_MIB": "The size limit. Near it, events of the largest namespaces are deleted first (default: 1024)",
    "EVENT_REASONS_INCLUDE": "Comma-separated reasons of Events to record although a built-in rule leaves them out; * is all",
    "EVENT_REASONS_EXCLUDE": "Reasons of Events to leave out; this wins over everything else",
    "EVENT_RULES_FILE": "A file of rules that are tried before the built-in ones. docs/events.md explains them",
    "EVENT_WAIT_MINUTES": "A resource that waits, such as a claim for its volume, is recorded after this time (default: 10)",
    "WATCH_CONFIG_MAPS": "true records that a ConfigMap was changed; only metadata is requested (default: false)",
    "ARGOCD_ENABLED": "auto records Applications of Argo CD if they are installed, false does not (default: auto)",
    "ARGOCD_AUTO_DETECT": "false is the same as ARGOCD_ENABLED=false (default: true)",
    "ARGOCD_NAMESPACE": "Where Argo CD's server is looked for (default: argocd)",
    "ARGOCD_SELECTOR": "The labels of the Deployment of Argo CD's server (default: app.kubernetes.io/name=argocd-server)",
    "ARGOCD_DETECTION_INTERVAL_HOURS": "How many hours after Argo CD was found the operator looks again, 1 to 168 (default: 6)",
    "FLUX_ENABLED": "true records Kustomizations and HelmReleases of Flux if they are installed (default: true)",
    "ASSESSMENT_ENABLED": "false makes only the assessments that a user asks for (default: true)",
    "ASSESSMENT_INTERVAL_SECONDS": "How often an assessment of the cluster is made, 3600 to 31536000 (default: 86400)",
    "ASSESSMENT_MODE": "full, or pillar for the checks of ASSESSMENT_PILLAR alone (default: full)",
    "ASSESSMENT_PILLAR": "The pillar to assess, such as security, if ASSESSMENT_MODE is pillar",
    "ASSESSMENT_TIMEOUT_SECONDS": "Checks that are not made by then have the status timeout, 60 to 604800 (default: 600)",
    "ASSESSMENT_READ_CONFIG_MAPS": "true looks for secrets in ConfigMaps, which the operator then has to be allowed to read "
    "(default: false)",
    "COLLECTIONS_ENABLED": "false makes no collections (default: true)",
    "CLUSTER_METADATA_INTERVAL_SECONDS": "How often cluster metadata are collected, 3600 to 31536000 (default: 86400)",
    "RESOURCE_INVENTORY_INTERVAL_SECONDS": "How often resources are counted, 1800 to 31536000 (default: 21600)",
    "RESOURCE_CONFIGURATION_PATTERNS_INTERVAL_SECONDS": "How often the ways of configuring them are counted, 3600 to 31536000 "
    "(default: 43200)",
    "API_KEY_FILE": "The file of an API key of a kube9 server. Without it, no collection is sent",
    "SERVER_URL": "The address of the kube9 server, with https. Only used with API_KEY_FILE",
    "SERVER_CA_FILE": "The certificate authority of the kube9 server, if it is not one of the system's",
    "INSIGHTS_ENABLED": "false draws no conclusions from the record (default: true)",
    "INSIGHTS_INTERVAL_SECONDS": "How often conclusions are drawn (default: 60)",
    "INSIGHTS_THRESHOLDS": "Thresholds of insights, as a JSON object. docs/insights.md explains them (default: {})",
    "SINK_URL": "The whole URL of a store to which recorded events are sent as OTLP. If it is empty, no events are sent",
    "SINK_QUERY_URL": "The URL of VictoriaLogs, to read back what was sent and to send again what is missing",
    "SINK_BACKFILL": "What to send of the events from before the sink was first used: all, none, or those of the last days, "
    "such as 7d (default: all)",
    "SINK_HEADERS_FILE": "A file with headers for SINK_URL, such as a token. Each line is `Name: value`",
    "SINK_CA_FILE": "A file with the certificates of the authorities that are trusted for SINK_URL, in place of the system's",
    "SINK_CLIENT_CERT_FILE": "A file with the operator's own certificate for SINK_URL",
    "SINK_CLIENT_KEY_FILE": "A file with the key of that certificate",
    "CLUSTER_NAME": "The name of the cluster in the records that are sent",
    "KUBECONFIG": "The cluster, as for kubectl. In a pod, its service account is used unless this is set",
}
"""What each variable does. docs/configuration.md says more."""

EXAMPLES = {
    "": (
        ("Record the cluster that kubectl uses", "DB_PATH=$HOME/kube9 kube9-operator"),
        ("Query what was recorded", "DB_PATH=$HOME/kube9 kube9-operator query events list --since 1h"),
    ),
    "serve": (("Record another cluster", "KUBECONFIG=~/.kube/staging DB_PATH=~/kube9-staging kube9-operator serve"),),
    "rules": (("Check a file of rules", "kube9-operator rules check rules.yaml"),),
    "rules check": (
        ("Check a file of rules", "kube9-operator rules check rules.yaml"),
        (
            "See what the Events of a cluster would become",
            "kube9-operator rules check rules.yaml --events events.json",
        ),
    ),
    "query": (("What happened in the last hour", "kube9-operator query events list --since 1h"),),
    "assess": (("Assess the cluster now", "kube9-operator assess run"),),
}
"""Examples of each command: what it does, and how to type it."""

SECTIONS = [
    {
        "heading": "environment",
        "content": "\n".join(f".TP\n.B {name}\n{text}" for name, text in ENVIRONMENT.items()).replace("-", "\\-"),
    },
    {
        "heading": "signals",
        "content": """\
SIGTERM, SIGINT and SIGHUP stop the operator. It commits what it has read first. After a crash or SIGKILL, the next start
continues where the last one stopped.""",
    },
    {
        "heading": "exit status",
        "content": """\
.TP
.B 0
The operator was asked to stop.
.TP
.B 1
A file for rules check has an error or cannot be read.
.TP
.B 2
The command or an option is unknown.
.TP
.B 78
A restart cannot fix the problem, which the last line on stderr names. Examples are a wrong setting, a missing module, a folder
that is not writable, a database of a newer release or of another program, and another operator on the same folder.
.PP
The exit status of query and assess is that of kube9-cli(1).""",
    },
    {
        "heading": "examples",
        "content": "\n".join(f".TP\n{title}:\n.B {command}" for title, command in EXAMPLES[""]).replace("-", "\\-"),
    },
]
"""Sections of the man page that argparse does not have."""


class Parser(argparse.ArgumentParser):
    """Adds the examples to the help, and the sections to the man page."""

    _manpage = SECTIONS  # read by argparse-manpage

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options | {"allow_abbrev": False})

    def format_help(self) -> str:
        """Returns the help, which ends with examples. They are not an epilog, because the man page has a section for them."""
        examples = EXAMPLES[self.prog.removeprefix("kube9-operator").strip()]
        lines = [f"  # {title}\n  {command}\n" for title, command in examples]
        return f"{super().format_help()}\nexamples:\n" + "\n".join(lines)

    def error(self, message: str) -> NoReturn:
        """Prints the message, with control characters escaped, and exits with code 2."""
        from kube9_schema.plain import plain  # not for the man page

        super().error(plain(message))


def get_parser() -> argparse.ArgumentParser:
    """Returns the parser. The man page is made from it."""
    parser = Parser(prog="kube9-operator", description=DESCRIPTION)
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", parser_class=Parser)
    commands.add_parser("serve", help="run the operator (the default)", description="Run the operator.")
    _add_rules(commands)
    commands.add_parser(
        "query",
        help="query the record, as kube9-cli does",
        description="Query the record. Commands and options are those of kube9-cli(1).",
    )
    commands.add_parser(
        "assess",
        help="work with assessments, by the commands of alto9/kube9-operator",
        description="Work with assessments, by the commands of alto9/kube9-operator. They are those of kube9-cli(1).",
    )
    return parser


def _add_rules(commands: "argparse._SubParsersAction[Parser]") -> None:
    rules = commands.add_parser(
        "rules",
        help="work with the rules of what is recorded",
        description="Work with the rules of what is recorded.",
    )
    actions = rules.add_subparsers(dest="action", metavar="COMMAND", title="commands", parser_class=Parser, required=True)
    check = actions.add_parser(
        "check",
        help="check a file of rules",
        description="Check a file of rules, and show what each Event of a file would become. EVENT_REASONS_INCLUDE, "
        "EVENT_REASONS_EXCLUDE and EVENT_WAIT_MINUTES have the same effect as on the operator. The exit code is 1 if a file "
        "has an error or cannot be read.",
    )
    check.add_argument("file", metavar="FILE", help="the file of rules, as EVENT_RULES_FILE names it")
    check.add_argument(
        "--events",
        metavar="FILE",
        help="Events, as kubectl get events -o json prints them, or one JSON object on each line; - reads stdin",
    )
    check.add_argument("-o", "--output", choices=("table", "json"), default="table", help="the format (default: table)")
