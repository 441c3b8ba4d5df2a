"""Exercises of notebook 04, How alike?: curves and losses, LNCC, a far Dice, bending energy."""

from __future__ import annotations

from regtutor.exercises import correlating, costing, matching, reaching
from regtutor.exercises.exercise import Exercise, Property, Wrong


def _lncc(name: str, slip: str, look: str) -> Wrong:
    return Wrong(name, slip, look, lambda: correlating.WRONG[name])


def _far(name: str, slip: str, look: str) -> Wrong:
    return Wrong(name, slip, look, lambda: reaching.WRONG[name])


EXERCISES = (
    Exercise(
        name="five_curves", notebook="04",
        question="A chest slides over itself, contrast inverted. Which of the curves A to G is "
        "MSE, LNCC, GMI, Dice, MultiScale? Two are no loss. "
        'answer = {"MSE": "A", …}: a letter for each of the five.',
        solution=lambda: dict(matching.LETTERS),
        why="Sign and range tell LNCC and GMI, the floor tells MultiScale, the plateau Dice, and "
        "only MSE believes what is bright to be the same.",
        hints=(
            "First the sign: which two losses are never above 0? Which one has no end at −1?",
            "Two see only labels, so contrast is nothing to them. One of them blurs.",
            "MSE asks for equal values. Here aligned means bright on dark: where is it worst?",
        ),
        worked="G falls below −1: GMI. D is the other negative one: LNCC, and F is its mirror "
        "image, no loss. C says nothing. E is 0 at best and flat when lungs part: Dice; A, with a "
        "floor and a slope, is MultiScale. B is worst where the pair aligns: MSE.",
        wrong=matching.WRONG, form=matching.form,
    ),
    Exercise(
        name="lncc", notebook="04",
        question="Write lncc(pred, target, size=9): minus the squared correlation under a window "
        "of size × size voxels, averaged over the voxels; images (B, C, H, W); at the border, of "
        "the voxels that are there; variances at least 1e-5. answer = lncc",
        solution=lambda: correlating.lncc,
        why="Five means, and it is regtutor's loss with valid_window=True.",
        hints=(
            "A variance is mean(a²) − mean(a)², and so is the mixed one: mean(a b) − mean(a) "
            "mean(b).",
            "mean(x) = F.avg_pool2d(x, size, stride=1, padding=size // 2, "
            "count_include_pad=False), of pred, target, their squares and their product.",
            "−(cross² / (var_p · var_t)).mean(), each variance with .clamp(min=1e-5).",
        ),
        worked="Five means under the window give two variances and the mixed one. Squared and "
        "divided it is 1 where one image is a straight-line function of the other; clamped, flat "
        "windows score 0 instead of 0/0.",
        wrong=(
            Wrong("no_epsilon", "nothing keeps a flat window from 0/0", "Variances there are 0: "
                  ".clamp(min=1e-5), or the first black corner makes the loss NaN.",
                  lambda: correlating.WRONG["no_epsilon"], correlating.no_epsilon),
            _lncc("whole_image", "the window is the whole image", "Then a slow change of "
                  "brightness spoils it: take means under a window, voxel by voxel."),
            _lncc("unsquared", "the correlation is not squared",
                  "Bright on dark would be punished. Square it."),
            _lncc("sign", "it grows with likeness", "A loss is made small: put a minus before it."),
            _lncc("one_minus", "1 is added", "Nothing wrong with 0 for the best, but here, as in "
                  "MONAI, it is −1."),
            _lncc("half_squared", "the numerator is squared and the denominator is not",
                  "cross² / (var · var), not / (std · std): units must cancel."),
            _lncc("too_early", "means are divided instead of quotients averaged",
                  "Divide in each window, then take the mean: else high contrast decides alone."),
            _lncc("not_centred", "the means are not taken away",
                  "mean(a²) is no variance: − mean(a)². Add 1 to an image and see."),
            _lncc("zeros_counted", "zeros beyond the border are counted",
                  "So does MONAI's LNCC. Say count_include_pad=False to avg_pool2d."),
            _lncc("no_border", "only windows that fit are looked at",
                  "Voxels near the border have no say. padding=size // 2."),
            _lncc("blocks", "the windows stand side by side", "avg_pool2d takes a stride of its "
                  "own size unless you say stride=1."),
            _lncc("even_window", "the window is even",
                  "2 · (size // 2) voxels have none in the middle: it sits half a voxel off."),
            _lncc("summed", "the windows are summed", "A sum grows with the image, and so would "
                  "the weight it needs. Take the mean."),
        ),
        form=correlating.form, observe=correlating.observe, code=(correlating.lncc,),
        tolerance=2e-3,
        properties=(
            Property("itself", correlating.itself_is_minus_one,
                     "An image and itself must give −1, whatever its size and the window's."),
            Property("brightness", correlating.brightness_does_not_count,
                     "2 a + ½, 1 − a and a faint 0.1 a + 0.4 are as like as a: the value must "
                     "not change. (The least variance is 1e-5.)"),
            Property("window", correlating.the_window_counts,
                     "lncc(pred, target, size=3) must look through smaller windows."),
            Property("gradient", correlating.has_gradient, "Both images need a gradient, a number "
                     "everywhere, flat parts included."),
        ),
    ),
    Exercise(
        name="far_dice", notebook="04",
        question="Write far_dice(pred, target) for labels (B, C, H, W), channel 0 background: the "
        "mean over scales 0, 2, 8, cases and organs of one minus Dice of both blurred; ε = 1e-5 "
        "above and below. answer = far_dice",
        solution=lambda: reaching.far_dice,
        why="It is MultiScaleLoss(DiceLoss(include_background=False), scales=[0, 2, 8]).",
        hints=(
            "Nothing may be decided (> 0.5), and the background is no organ.",
            "For each scale: p = blur(pred[:, 1:], sigma), the same for t; Dice of each case and "
            "organ sums over (2, 3).",
            "1 − (2 (p t).sum((2, 3)) + 1e-5) / ((p + t).sum((2, 3)) + 1e-5), the mean of it, and "
            "the mean of the three.",
        ),
        worked="Blur both, take Dice of each case and organ over its voxels, average all. Sharp "
        "labels keep the rim in place; blurred ones touch from afar, which gives the slope.",
        wrong=(
            Wrong("hard", "labels are decided on the way", "A step function has slope 0: the value "
                  "looks right, and nothing trains. Keep them soft.",
                  lambda: reaching.WRONG["hard"], reaching.hard),
            _far("no_blur", "nothing is blurred", "Labels that do not touch score 1 wherever they "
                 "are: no slope. Blur both by each scale."),
            Wrong("no_epsilon", "an organ in neither label is 0/0", "Add 1e-5 above and below: "
                  "nothing against nothing is then a loss of 0.",
                  lambda: reaching.WRONG["no_epsilon"], reaching.no_epsilon),
            _far("pred_only", "only pred is blurred", "A sharp target never equals a blurred "
                 "pred: blur both."),
            _far("target_only", "only target is blurred", "A sharp pred never equals a blurred "
                 "target: blur both."),
            _far("background", "the background is counted as an organ", "It is large, overlaps "
                 "anyway, and hides what small organs do: [:, 1:]."),
            _far("over_the_batch", "the whole batch shares one Dice", "Large organs of one case "
                 "drown small ones of another: sum over (2, 3) only."),
            _far("organs_together", "all organs share one Dice", "Large ones drown small ones: "
                 "sum over (2, 3), then take the mean."),
            _far("largest_only", "only the largest scale is used", "It pulls from afar and does "
                 "not see the rim. Average over all scales."),
            _far("no_sharp_one", "the sharp labels are left out", "Scale 0 is the one that knows "
                 "where the rim is."),
            _far("summed", "the scales are summed", "Then its weight depends on how many scales "
                 "there are: take the mean."),
            _far("overlap", "it grows with overlap", "A loss is made small: one minus Dice."),
            _far("no_two", "the 2 is missing", "Equal labels would score ½. Twice the common part "
                 "by the sum of both."),
        ),
        form=reaching.form, observe=reaching.observe, code=(reaching.blur, reaching.far_dice),
        properties=(
            Property("pulls_home", reaching.pulls_home,
                     "It must fall when a far organ comes nearer, from either side."),
            Property("symmetric", reaching.both_ways_alike, "pred and target must be able to "
                     "change places."),
        ),
    ),
    Exercise(
        name="bending_energy", notebook="04",
        question="Predict, on paper: the bending energy of a translation, a rotation, a shear, a "
        "reflection, and a sine, u = (5 sin(x₁ / 6), 0); and which of the five fold. "
        'answer = {"energy": {"translation": …, …}, "folds": {…}}',
        solution=costing.solution,
        why="It is blind to all that is affine, mirrors included, and to whether anything folds.",
        hints=(
            "It sees second derivatives only. Which of the five have one?",
            "The sine's is −5/36 · sin(x₁ / 6), in component 0. Square it. What is the mean of "
            "sin² over a wave?",
            "The mean runs over both components, and the other one is 0. A fold is a determinant "
            "of 0 or less (notebook 03).",
        ),
        worked="Four are affine: 0. The sine's second derivative is 5/36 at its peak; squared, "
        "halved for sin², halved for two components: (5/36)² / 4 = 0.0048. Only the reflection "
        "folds, everywhere.",
        wrong=costing.WRONG, form=costing.form, observe=costing.observe, tolerance=0.06,
    ),
)  # fmt: skip
