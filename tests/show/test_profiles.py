import pytest

from regtutor import show
from regtutor.show import capture_range

SHIFTS = list(range(-6, 7))


def bowl(shift):
    return float(shift**2)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([bowl(s) for s in SHIFTS], (-6, 6)),
        ([-bowl(s) for s in SHIFTS], None),  # leads away
        ([0.0] * 13, None),
        ([bowl(min(abs(s), 3)) for s in SHIFTS], (-3, 3)),  # flat beyond
        ([bowl(s - 2) for s in SHIFTS], (-6, 6)),  # found, a little off
        ([bowl(s - 4) for s in SHIFTS], None),  # too far off
        ([abs(s) + (5 if s == -3 else 0) for s in SHIFTS], (-3, 6)),  # over the hill it rolls away
        ([1e-6 * (s % 2) + (0 if s else -1) for s in SHIFTS], (-1, 1)),  # rounding is no slope
    ],
)
def test_the_capture_range_is_where_it_is_downhill_all_the_way(values, expected):
    assert capture_range(SHIFTS, values) == expected


def test_shifts_without_the_truth_are_refused():
    with pytest.raises(ValueError, match="shifts: expected 0 among them"):
        capture_range([1, 2], [0.0, 1.0])
    with pytest.raises(ValueError, match="curves: expected at least one"):
        show.profiles(SHIFTS, {})


def test_the_picture_has_the_numbers_in_words():
    curves = {"bowl": [bowl(s) for s in SHIFTS], "hill": [5 - bowl(s) for s in SHIFTS]}
    picture = show.profiles(
        SHIFTS, curves, others={"bowl": [2.0] * 13}, other="flat", title="Two losses"
    )
    assert picture.alt == (
        "Two losses. bowl: 0.000 at a shift of 0, 36.0 and 36.0 at the ends; leads to 0 from -6 to "
        "6. bowl, flat: 2.00 at a shift of 0, 2.00 and 2.00 at the ends; does not lead to 0. "
        "hill: 5.00 at a shift of 0, -31.0 and -31.0 at the ends; does not lead to 0."
    )
    assert len(picture.png) < 60_000
    assert show.profiles(SHIFTS, curves, alt="Mine").alt == "Mine"
    wide = show.profiles(SHIFTS, {str(n): curves["bowl"] for n in range(5)}).size
    assert wide[0] > wide[1]
