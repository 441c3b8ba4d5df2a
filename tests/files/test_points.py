"""Points: tables of numbers, and what is wrong in one is named with its line."""

import pytest
import torch

from regtutor.files import read_points


@pytest.mark.parametrize(
    "text",
    [
        "1,2,3.5\n4,5,6\n",
        " 1.0\t2.0\t3.5\t\n\n 4.0\t5.0\t6.0\t\n",
        "1 2 3.5\r\n4 5 6",
        "\ufeff1, 2, 3.5\n4, 5, 6\n",
    ],
)
def test_points(tmp_path, text):
    path = tmp_path / "points.csv"
    path.write_text(text, encoding="utf-8")
    assert torch.equal(read_points(path), torch.tensor([[1.0, 2.0, 3.5], [4.0, 5.0, 6.0]]))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "points.csv: expected a row of numbers a point, got an empty file"),
        ("\n \n", "points.csv: expected a row of numbers a point, got an empty file"),
        ("x,y,z\n1,2,3\n", "points.csv, line 1: expected a number, got 'x'. The table has no head"),
        ("1,2,3\n\n1,2\n", "points.csv, line 3: expected 3 numbers as in the first row, got 2"),
        ("1,2,3\n1,,3\n", "points.csv, line 2: expected a number, got ''"),
        ("1,2,nan\n", "points.csv, line 1: expected a number, got 'nan"),
        ("\x00\x81\x02", "points.csv, line 1: expected a number"),
    ],
)
def test_a_bad_table_is_named_with_its_line(tmp_path, text, message):
    path = tmp_path / "points.csv"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(ValueError, match=message.replace(".", r"\.")):
        read_points(path)


def test_missing_points():
    with pytest.raises(FileNotFoundError, match=r"points: expected a file, got no file at"):
        read_points("/nowhere/points.csv")
