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
    assert list(shortened(names, 28).values()) == ["po/production/checko…d-x2k4p", "po/production/checko…d-q9m7z"]


def test_the_slashes_of_an_object_stay_if_its_namespace_is_cut_too() -> None:
    names = ["po/kube9-system/kube9-operator-test", "po/kube9-system/kube9-operator-0"]
    assert list(shortened(names, 20).values()) == ["po/kube9-s…/kub…test", "po/kube9-s…/kub…or-0"]
    assert shortened(["po/development-of-the-shop/web-0"], 20) == {"po/development-of-the-shop/web-0": "po/developmen…/web-0"}
    assert "/" not in shortened(["po/kube9-system/kube9-operator-test"], 12)["po/kube9-system/kube9-operator-test"][3:], (
        "no room"
    )


def test_what_differs_in_the_middle_is_shown_there() -> None:
    names = [f"po/{'a' * 40}-{number:03}-{'b' * 40}" for number in range(60)]
    found = shortened(names, 30)
    assert len(set(found.values())) == 60
    assert all(f"-{number:03}-" in one for number, one in enumerate(found.values()))


part = strategies.sampled_from(
    ["ip-10-0-1", "web", "6f7d8b9c5d", "eu-west-1", ".compute.internal", "x" * 30, "日本", "17", "18"]
)
name = strategies.lists(part, min_size=1, max_size=8).map("-".join)
about = strategies.lists(name, min_size=1, max_size=2).map(lambda parts: "/".join(["po", *parts]))
names = strategies.lists(name | about, min_size=1, max_size=20, unique=True)


@settings(max_examples=500, deadline=None)
@example(names=["-".join(["ip-10-0-1"] * times) for times in (2, 3, 4)], most=12)
@given(names=names, most=strategies.integers(12, 60))
def test_no_name_takes_more_room_and_no_two_look_the_same(names: list[str], most: int) -> None:
    found = shortened(names, most)
    assert sorted(found) == sorted(names)
    assert all(columns(shown) <= most for shown in found.values())
    assert len(set(found.values())) == len(names)
    assert all(CUT in shown for name, shown in found.items() if columns(name) > most)
