"""Exercises of notebook 10, Is it any good? A table, HD95, a paired comparison, five sins."""

from __future__ import annotations

from regtutor.exercises import comparing, ranking, sins, surfacing
from regtutor.exercises.exercise import Exercise, Property, Wrong


def _hd95(name: str, slip: str, look: str) -> Wrong:
    return Wrong(name, slip, look, lambda: surfacing.WRONG[name])


EXERCISES = (
    Exercise(
        name="rank_methods", notebook="10",
        question="Four methods and doing nothing, for a needle into the lung: order the five by "
        "how near it would come, nearest first, and say of each method what it is: good, folds, "
        "outline (only the rim of the lungs fits) or part (it goes part of the way)."
        ' answer = {"order": […], "why": {…}}',
        solution=ranking.solution,
        why="In mm, beside doing nothing, and with an eye on the folds. Dice put C first.",
        hints=(
            "A needle goes to a place inside the lung. Which column says how far off it ends?",
            "Four rows give that column in mm, one does not: a voxel is 3.25 × 2.4 mm.",
            "In mm: D 1.9, B 2.8, A 3.9 with folds, nothing 7.9. And C?",
        ),
        worked="By TRE in mm: D, then B (0.9 voxels are about 2.8 mm), then A, which folds as "
        "well, then doing nothing, and C last: the best outline of all, and the needle further "
        "off than without. B has a lower Dice and a calm field: it stops on the way.",
        wrong=ranking.WRONG, form=ranking.form, observe=ranking.observe,
    ),
    Exercise(
        name="hd95", notebook="10",
        question="Write hd95(a, b, spacing) for two masks (rows, columns), bool: the 95th "
        "percentile of the distances from a's rim to b's and from b's to a's, whichever is larger, "
        "in mm. rim(mask) gives the places of a rim, (N, 2), in voxels. answer = hd95",
        solution=lambda: surfacing.hd95,
        why="To the last digit what HausdorffDistanceMetric(percentile=95), and MONAI's, give.",
        hints=(
            "First millimetres: rim(a) * torch.tensor(spacing). Then the distance of every place "
            "of a's rim to every place of b's: torch.cdist.",
            "The smallest of each row is how far a's places are from b; of each column, the other "
            "way.",
            "there = apart.min(dim=1).values, back = apart.min(dim=0).values; each has its "
            "quantile(0.95).",
        ),
        worked="Both rims in mm; all distances between them in one table; the least of each row "
        "and of each column are the two ways; the 95th percentile of each, and the larger of both.",
        wrong=(
            _hd95("no_percentile", "the largest distance is taken",
                  "One stray voxel decides that. HD95 leaves out the worst 5 %: quantile(0.95)."),
            _hd95("one_way", "only the way from a to b is gone",
                  "A truth that the prediction misses has no voxel in a: it is seen from b only."),
            _hd95("other_way", "only the way from b to a is gone",
                  "An island too many in a is not seen from b: go both ways."),
            _hd95("voxels", "the distances stay in voxels",
                  "Rows are 3.2 mm high here, columns 0.8 mm wide: scale before you measure."),
            _hd95("filled", "all voxels of the masks are taken, not their rims",
                  "Where the masks overlap the distance is 0, and the more of that, the lower the "
                  "percentile: start from rim(mask)."),
            _hd95("mean", "the mean is taken", "That is the average surface distance (ASSD). It "
                  "is blind to one bad end: take the percentile."),
            _hd95("spacing_exchanged", "the two spacings are exchanged",
                  "Column 0 of rim(mask) counts rows, and spacing[0] belongs to it."),
            _hd95("one_spacing", "one spacing serves both axes",
                  "Multiply by the whole pair: rim(a) * torch.tensor(spacing)."),
            _hd95("mean_spacing", "the mean of the spacings is used",
                  "A place 4 rows away is four times as far as one 4 columns away: scale each "
                  "axis by itself, before the distance."),
            _hd95("smaller_way", "the smaller of the two ways is taken",
                  "The worse one is what a distance between surfaces must tell: the larger."),
            _hd95("mean_of_ways", "the two ways are averaged",
                  "Some do; then say so. Here, as in MONAI, it is the larger of the two."),
            _hd95("pooled", "both ways are thrown together before the percentile",
                  "Some do; then say so. Here, as in MONAI, each way has a percentile of its own."),
            _hd95("half_a_percent", "the percentile is of another unit than the function's",
                  "quantile runs from 0 to 1, np.percentile from 0 to 100."),
            _hd95("squared", "the squared distances are taken",
                  "mm² are no distance: take the root, or torch.cdist."),
            _hd95("along_axes", "rows and columns are walked one after the other",
                  "The straight way is shorter: the root of the sum of squares, cdist's default."),
            _hd95("farthest", "the farthest place is looked for",
                  "From each place to the nearest of the other rim: min, not max."),
        ),
        form=surfacing.form, observe=surfacing.observe, code=(surfacing.hd95,),
        properties=(
            Property("same_is_nothing", surfacing.same_is_nothing,
                     "A mask is 0 mm away from itself, on any grid."),
            Property("either_order", surfacing.either_order,
                     "hd95(a, b, spacing) and hd95(b, a, spacing) must be the same."),
            Property("as_the_library", surfacing.as_the_library,
                     "On other masks and spacings it differs from HausdorffDistanceMetric("
                     "percentile=95): is something of these masks written into it?"),
        ),
    ),
    Exercise(
        name="a_or_b", notebook="10",
        question="By how many mm is A better than B, and where does the 95 % interval of that gain "
        'begin and end? results["A"]["test"] is (epochs, patients), TRE in mm. '
        "answer = (gain, low, high)",
        solution=lambda: comparing.interval(comparing.compared()),
        why="The interval leaves out 0, so A is better, by a little. (It was drawn as 0.5 mm.)",
        hints=(
            "Which epoch of each method? The test patients must not say: "
            'results["A"]["validation"].mean(dim=1).argmin().',
            "20 differences B − A, one a patient. Their mean is the gain.",
            "The mean of 20 scatters by their standard deviation over √20; to each side 2.09 "
            "times that (stats.t.ppf(0.975, 19)).",
        ),
        worked="Each method's epoch by its validation patients; the difference B − A for each test "
        "patient; its mean, and 2.09 standard errors to either side.",
        wrong=comparing.WRONG, form=comparing.form, observe=comparing.observe, tolerance=0.1,
    ),
    Exercise(
        name="five_sins", notebook="10",
        question="A results table with ten numbered claims. Which five are sins? answer = {…}",
        solution=lambda: set(sins.SINS),
        why="No baseline, epoch chosen on the test, two units, a coarse grid, no folds.",
        hints=(
            "Go through this notebook: what did each section ask of a table?",
            "Two sins are in the numbers' units and grids, two in what is missing, one in how a "
            "number was chosen.",
            "Missing: a row, and a column. Chosen: the epoch.",
        ),
        worked=" ".join(f"{n}: {words}." for n, words in sins.SINS.items()),
        wrong=sins.WRONG, form=sins.form, observe=sorted,
    ),
)  # fmt: skip
