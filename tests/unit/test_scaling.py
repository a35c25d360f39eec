"""What the deployment controller says about scaling, in each of its wordings."""

import pytest

from kube9_operator.watch.scaling import replicas


@pytest.mark.parametrize(
    ("message", "figures"),
    [
        ("Scaled up replica set web-5d9c7b8f6d from 2 to 4", (2, 4)),
        ("Scaled down replica set web-5d9c7b8f6d from 4 to 0", (4, 0)),
        ("Scaled up replica set web-5d9c7b8f6d to 4 from 2", (2, 4)),
        ("Scaled down replica set web-5d9c7b8f6d to 1", (None, 1)),
        ("Scaled up replica set web-5d9c7b8f6d", None),
        ("Scaled up replica set web from two to 4", (None, 4)),
        ("Scaled up replica set web from 2 to 99999999999", None),
        ("Scaled up replica set to 4", None),
        ("Created pod: web-5d9c7b8f6d-abcde", None),
        ("", None),
    ],
)
def test_the_figures(message: str, figures: tuple[int | None, int] | None) -> None:
    assert replicas(message) == figures
