"""regtutor: deep-learning medical image registration, to be read and to be run.

Registration finds the transformation that brings a *moving* image into the coordinate system of
a *fixed* image. Everything here rests on two functions of `regtutor.deformation.warp`:
`identity_grid(size)`, where each voxel is, and `sample(image, points)`, what an image holds at
given places. `CONTRIBUTING.md` holds the conventions on one page; the reading path is

    deformation/warp → velocity → losses/smoothness → losses/similarity
    → networks/blocks, localnet → evaluation, training → instance
    → data/pairs, transforms/dictionary
"""

__version__ = "0.1.0"
