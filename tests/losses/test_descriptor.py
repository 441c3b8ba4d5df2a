"""MIND-SSC: edges count, intensities do not."""

import itertools

import pytest
import torch

from regtutor.deformation import sample
from regtutor.deformation.warp import identity_grid
from regtutor.filters import gaussian_smooth
from regtutor.losses import MSELoss, SelfSimilarityLoss
from regtutor.losses.descriptor import self_similarity


def blobs(size, seed=0):
    """A smooth random image in [0, 1]."""
    generator = torch.Generator().manual_seed(seed)
    image = gaussian_smooth(torch.rand(1, 1, *size, generator=generator), 2.0)
    return (image - image.min()) / (image.max() - image.min())


def plain_self_similarity(image, radius, distance):
    """Voxel by voxel, pair by pair, as the paper has it."""
    d, size = image.ndim - 2, image.shape[2:]

    def at(place):
        inside = [min(max(p, 0), n - 1) for p, n in zip(place, size, strict=True)]
        return image[(0, 0, *inside)].item()

    patch = list(itertools.product(range(-radius, radius + 1), repeat=d))
    pairs = [(a, i, b, j) for a, b in itertools.combinations(range(d), 2)
             for i in (-distance, distance) for j in (-distance, distance)]  # fmt: skip
    out = torch.zeros(len(pairs), *size, dtype=torch.float64)
    for place in itertools.product(*map(range, size)):
        for n, (a, i, b, j) in enumerate(pairs):
            one, other = list(place), list(place)
            one[a] += i
            other[b] += j
            out[(n, *place)] = sum(
                (at([p + q for p, q in zip(one, o, strict=True)])
                 - at([p + q for p, q in zip(other, o, strict=True)])) ** 2
                for o in patch
            )  # fmt: skip
    out = out - out.amin(dim=0)
    return torch.exp(-out / out.mean(dim=0))[None]


@pytest.mark.parametrize(("size", "pairs"), [((7, 6), 4), ((5, 4, 6), 12)], ids=["2d", "3d"])
@pytest.mark.parametrize(("radius", "distance"), [(1, 1), (1, 2)])
def test_it_is_the_papers(size, pairs, radius, distance):
    image = torch.rand(1, 1, *size, generator=torch.Generator().manual_seed(0)).double()
    described = self_similarity(image, radius, distance)
    assert described.shape == (1, pairs, *size)
    assert torch.allclose(described, plain_self_similarity(image, radius, distance), atol=1e-9)


def test_channels_are_described_one_by_one():
    one, other = blobs((8, 9)), blobs((8, 9), seed=1)
    both = self_similarity(torch.cat([one, other], dim=1))
    assert torch.equal(both[:, :4], self_similarity(one))
    assert torch.equal(both[:, 4:], self_similarity(other))


@pytest.mark.parametrize("size", [(24, 30), (14, 16, 12)], ids=["2d", "3d"])
def test_blind_to_contrast_but_not_to_place(size):
    fixed = blobs(size)
    loss = SelfSimilarityLoss()
    assert loss(fixed, fixed).item() == 0
    assert loss(1 - fixed, fixed).item() < 1e-9
    assert loss(0.2 + 0.3 * fixed, fixed).item() < 1e-9
    shifted = sample(fixed, identity_grid(size) + 1.0)
    assert loss(1 - shifted, fixed).item() > 0.02
    assert MSELoss()(1 - fixed, fixed) > MSELoss()(1 - shifted, fixed) - 0.05  # which knows nothing


@pytest.mark.parametrize("size", [(5, 6), (4, 5, 4)], ids=["2d", "3d"])
def test_gradients_to_both(size):
    generator = torch.Generator().manual_seed(0)
    both = [
        torch.rand(1, 1, *size, generator=generator).double().requires_grad_() for _ in range(2)
    ]
    assert torch.autograd.gradcheck(SelfSimilarityLoss(1, 1), both)


def test_a_flat_image_is_finite():
    flat = torch.zeros(1, 1, 8, 8, requires_grad=True)
    loss = SelfSimilarityLoss()(flat, blobs((8, 8)))
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(flat.grad).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"radius": 0}, "radius: expected a whole number ≥ 1"),
        ({"distance": 1.5}, "distance: expected a whole number ≥ 1"),
        ({"reduction": "avg"}, "reduction: expected one of"),
    ],
)
def test_refused(options, message):
    with pytest.raises(ValueError, match=message):
        SelfSimilarityLoss(**options)


def test_shapes_that_differ_and_nan():
    with pytest.raises(ValueError, match="target: expected the shape"):
        SelfSimilarityLoss()(blobs((8, 8)), blobs((8, 9)))
    with pytest.raises(ValueError, match="pred: expected finite"):
        SelfSimilarityLoss()(blobs((8, 8)) * torch.nan, blobs((8, 8)))
