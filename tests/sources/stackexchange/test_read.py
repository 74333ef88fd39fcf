"""What the parts of a site left is put in their order, while others are still at work."""

from handful.sources.stackexchange.read import in_turn


def test_each_is_taken_once_all_before_it_have_ended():
    taken = []
    tell = in_turn(["a", "b", "c", "d"], taken.append)
    seen = {}
    for name in ("c", "a", "d", "b"):
        tell(name)
        seen[name] = "".join(taken)
    assert seen == {"c": "", "a": "a", "d": "a", "b": "abcd"}
