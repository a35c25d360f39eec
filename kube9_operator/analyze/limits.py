"""All limits of insights: the thresholds of the rules, and the times of the life cycle. Each is set by its name."""

import msgspec

from kube9_operator.analyze.life_cycle import LifeCycle
from kube9_operator.analyze.thresholds import Thresholds

MOST = 366 * 86_400
LEAST = {"oom_kills": 2, "cronjob_runs": 2, "tug_changes": 2, "metronome_deaths": 2, "unsteady_changes": 2}
"""The least numbers that make an insight, where one would say nothing: it tells what lies between two. Of others it is one."""
LENGTHS = ("_s", "_percent")
"""The ends of the names of thresholds that may be 0."""


class Limits(msgspec.Struct, frozen=True):
    """The limits that are in use."""

    thresholds: Thresholds = Thresholds()
    life_cycle: LifeCycle = LifeCycle()


def parse(text: str) -> Limits:
    """The limits of a JSON object; those that it does not have are the defaults. Raises ValueError."""
    try:
        given = msgspec.json.decode(text, type=dict[str, int])
    except msgspec.MsgspecError as error:
        raise ValueError(f'must be a JSON object with whole numbers, such as {{"stuck_error_s": 7200}}: {error}') from None
    of_rules, of_life = ({name: value for name, value in given.items() if name in kind.__struct_fields__} for kind in KINDS)
    unknown = given.keys() - of_rules.keys() - of_life.keys()
    if unknown:
        raise ValueError(f"{min(unknown)} is not a threshold; docs/insights.md has all of them")
    for name, value in given.items():
        if not least(name) <= value <= MOST:
            raise ValueError(f"{name} must be a whole number from {least(name)} to {MOST}")
    return Limits(Thresholds(**of_rules), LifeCycle(**of_life))


def least(name: str) -> int:
    """The least value of a threshold."""
    return 0 if name.endswith(LENGTHS) else LEAST.get(name, 1)


KINDS: tuple[type[msgspec.Struct], type[msgspec.Struct]] = (Thresholds, LifeCycle)
