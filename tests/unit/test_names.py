"""Names that are cut can still be told apart."""

from hypothesis import example, given, settings, strategies

from kube9_cli.render.names import shortened
from kube9_cli.render.width import CUT, columns


def test_what_fits_stays() -> None:
    assert shortened(["po/shop/web-0", "-", ""], 13) == {"po/shop/web-0": "po/shop/web-0", "-": "-", "": ""}


def test_nodes_of_a_cloud_differ_before_the_domain() -> None:
    names = [f"no/ip-10-0-1-{number}.eu-west-1.compute.internal" for number in (17, 18, 117)]
    assert list(shortened(names, 18).values()) == ["no/ip-10-0-1-17.e…", "no/ip-10-0-1-18.e…", "no/ip-10-0-1-117.…"]


def test_pods_keep_their_ends() -> None:
    names = [f"po/production/checkout-6f7d8b9c5d-{end}" for end in ("x2k4p", "q9m7z")]
    assert list(shortened(names, 24).values()) == ["po/producti…8b9c5d-x2k4p", "po/producti…8b9c5d-q9m7z"]


def test_what_differs_in_the_middle_is_shown_there() -> None:
    names = [f"po/{'a' * 40}-{number:03}-{'b' * 40}" for number in range(60)]
    found = shortened(names, 30)
    assert len(set(found.values())) == 60
    assert all(f"-{number:03}-" in one for number, one in enumerate(found.values()))


part = strategies.sampled_from(
    ["ip-10-0-1", "web", "6f7d8b9c5d", "eu-west-1", ".compute.internal", "x" * 30, "日本", "17", "18"]
)
names = strategies.lists(strategies.lists(part, min_size=1, max_size=8).map("-".join), min_size=1, max_size=20, unique=True)


@settings(max_examples=500, deadline=None)
@example(names=["-".join(["ip-10-0-1"] * times) for times in (2, 3, 4)], most=12)
@given(names=names, most=strategies.integers(12, 60))
def test_no_name_takes_more_room_and_no_two_look_the_same(names: list[str], most: int) -> None:
    found = shortened(names, most)
    assert sorted(found) == sorted(names)
    assert all(columns(shown) <= most for shown in found.values())
    assert len(set(found.values())) == len(names)
    assert all(CUT in shown for name, shown in found.items() if columns(name) > most)
