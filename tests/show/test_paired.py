import sys

import pytest
import torch

from regtutor import show

A = torch.tensor([2.0, 5.0, 3.0])
B = torch.tensor([2.5, 4.0, 4.0])


def test_the_words_count_whom_it_helps():
    picture = show.paired({"A": A, "B": B}, unit="HD95 (mm)", title="Three")
    assert picture.alt == (
        "Three. 3 cases, HD95 (mm): A from 2.00 to 5.00, B from 2.50 to 4.00. "
        "B − A from -1.00 to 1.00, above 0 in 2 of 3."
    )


def test_axes_are_labelled_and_every_case_is_a_line(monkeypatch):
    module = sys.modules["regtutor.show.paired"]  # `show.paired` is the function
    drawn = []
    monkeypatch.setattr(module, "render", lambda figure, title, alt: drawn.append(figure))
    show.paired({"ours": A, "theirs": B})
    left, right = drawn[0].axes
    assert left.get_ylabel() == "TRE (mm)"
    assert right.get_ylabel() == "theirs − ours, TRE (mm)"
    assert [t.get_text() for t in left.get_xticklabels()] == ["ours", "theirs"]
    lines = [line.get_ydata().tolist() for line in left.lines]
    assert lines == [[2.0, 2.5], [5.0, 4.0], [3.0, 4.0]]
    assert right.collections[0].get_offsets()[:, 1].tolist() == [-1.0, 0.5, 1.0]


@pytest.mark.parametrize(
    "scores", [{"A": A}, {"A": A, "B": B[:2]}, {"A": A, "B": B / 0 * 0}, {"A": A[None], "B": B}]
)
def test_what_is_not_two_columns_is_refused(scores):
    with pytest.raises(ValueError, match="expected"):
        show.paired(scores)
