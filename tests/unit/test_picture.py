"""`make picture` renews the answers of README as a whole."""

from tests.picture import ANSWER, README


def test_an_answer_ends_where_the_text_goes_on() -> None:
    """Also one with an empty line in it; two commands one after the other are two."""
    text = README.read_text(encoding="utf-8").partition("\n## The questions it answers\n")[2].partition("\n## ")[0]
    assert "\n    " in text
    assert not [line for line in ANSWER.sub("", text).splitlines() if line.startswith("    ")]
    two = "    $ kube9-cli status\n    one\n\n    two\n\n    $ kube9-cli events list\n    three\n\nText.\n"
    assert ANSWER.findall(two) == ["status", "events list"]
    assert ANSWER.sub(r"<\1>\n", two) == "<status>\n\n<events list>\n\nText.\n"
