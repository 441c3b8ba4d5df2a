"""Exercise of notebook 13 on what goes out: a field as ITK takes it."""

from __future__ import annotations

from regtutor.exercises import exporting
from regtutor.exercises.exercise import Exercise, Property, Wrong


def _to_itk(name: str, slip: str, look: str) -> Wrong:
    return Wrong(name, slip, look, lambda: exporting.SLIPS[name])


EXERCISES = (
    Exercise(
        name="to_itk", notebook="13",
        question="Write to_itk(ddf, fixed_affine, moving_affine): ddf (1, 3, H, W, D) in voxels → "
        "an array (D, W, H, 3) of vectors x, y, z in mm, LPS, as SimpleITK's GetImageFromArray "
        "takes it. answer = to_itk",
        solution=lambda: exporting.to_itk,
        why="To the last digit what write_displacement stores, and what SimpleITK moves an image "
        "by as Warp does.",
        hints=(
            "Voxels become mm by the fixed image's affine. A displacement has no origin: which "
            "part of the matrix does it need?",
            "affine[:3, :3] times the three components, at every voxel, is mm in RAS. LPS has the "
            "first two signs turned.",
            "torch.einsum('rk,khwd->dwhr', fixed_affine[:3, :3].float(), ddf[0]) * "
            "torch.tensor([-1, -1, 1]): the array's axes turn round, the components do not.",
        ),
        worked="The block of the fixed image's affine takes a step in voxels to a step in mm, RAS. "
        "x and y change their sign for LPS. SimpleITK counts x first and NumPy shows it z first, "
        "so the three array axes turn round; the components stay x, y, z. moving_affine is not "
        "needed: the field lives on the fixed grid.",
        wrong=(
            _to_itk("axes_kept", "the array's axes are left in their order", "SimpleITK's arrays "
                    "are (z, y, x): (D, W, H, 3)."),
            _to_itk("components_first", "the components stand in the first axis", "Each voxel "
                    "holds a vector: the components come last."),
            _to_itk("components_reversed", "the components are turned round with the axes",
                    "Only the array's axes are: a vector stays x, y, z."),
            _to_itk("array_flipped", "the array is flipped instead of the signs", "LPS is about "
                    "where the vectors point. The header says where the voxels lie."),
            _to_itk("ras", "the vectors are in RAS, as NIfTI's affine gives them",
                    "ITK counts x to the left and y to the back: turn two signs."),
            _to_itk("all_signs", "all three signs are turned", "RAS and LPS share S: z stays."),
            _to_itk("pushed", "the vectors point the other way", "ITK pulls as Warp does: a place "
                    "in fixed goes to one in moving. No minus beyond that of LPS."),
            _to_itk("bare_voxels", "the field is handed over in voxels", "Nothing is said in "
                    "voxels outside: multiply by affine[:3, :3], and mind LPS."),
            _to_itk("spacing_only", "the field is multiplied by the spacing", "That is right only "
                    "where the array's axes run along L, P and S, as in the notebook's volume. "
                    "Use the whole block, then turn two signs."),
            _to_itk("spacing_and_signs", "the field is multiplied by the spacing, and x and y "
                    "change sign", "Here array axis 0 runs along another axis of the body, a bit "
                    "turned: use affine[:3, :3] as a matrix."),
            _to_itk("directions_only", "the directions are right and the lengths are voxels",
                    "Do not divide by the spacing: the block holds it, and mm are wanted."),
            _to_itk("divided", "the field is divided by the spacing", "A voxel of 2.5 mm: one "
                    "voxel is 2.5 mm, not 0.4."),
            _to_itk("transposed", "the block is transposed", "mm = M · voxel: the columns of M "
                    "belong to the array's axes. Sum over the SECOND index."),
            _to_itk("moving_header", "the moving image's affine is used", "The field lives on the "
                    "fixed grid: a voxel of it is a voxel of the fixed image."),
            _to_itk("places", "places are written instead of steps", "A displacement field holds "
                    "how far, not where: leave out the identity grid."),
            _to_itk("origin_added", "the origin is added to every vector", "A step has no origin: "
                    "only affine[:3, :3]."),
        ),
        form=exporting.form, observe=exporting.observe, code=(exporting.to_itk,),
        properties=(
            Property("as_the_library", exporting.as_the_library, "On another grid with another "
                     "header it differs from what write_displacement stores: is something of this "
                     "one written into it?"),
        ),
    ),
)  # fmt: skip
