"""The names of the rules of insights. A test compares them with those of the operator."""

UNSTEADY = "unsteady-insight"
"""The rule of an insight that comes and goes."""

RULES = (
    "change-followed-by-failure",
    "node-suspect",
    "image-or-registry",
    "recurring-oom",
    "stuck",
    "capacity",
    "quota",
    "claim",
    "no-endpoints",
    "flapping",
    "cronjob",
    "new-reason",
    "storm",
    "control-group",
    "latent-change",
    "seen-before",
    "tug-of-war",
    "metronome",
    UNSTEADY,
)
