"""What training makes small: similarity of images and labels, and smoothness of the field.

Each is an `nn.Module`, lower is better, with MONAI 1.6.1's name, arguments, defaults and numbers;
what we add is a keyword at the end, a `mask`, and `SelfSimilarityLoss`, which MONAI has not. Read
`smoothness`, then `similarity`, `information` (with `histograms`), `descriptor`, `labels`,
`multiscale`.
"""

from regtutor.losses.descriptor import SelfSimilarityLoss as SelfSimilarityLoss
from regtutor.losses.information import GlobalMutualInformationLoss as GlobalMutualInformationLoss
from regtutor.losses.labels import DiceLoss as DiceLoss
from regtutor.losses.multiscale import MultiScaleLoss as MultiScaleLoss
from regtutor.losses.similarity import (
    LocalNormalizedCrossCorrelationLoss as LocalNormalizedCrossCorrelationLoss,
)
from regtutor.losses.similarity import MSELoss as MSELoss
from regtutor.losses.smoothness import BendingEnergyLoss as BendingEnergyLoss
from regtutor.losses.smoothness import DiffusionLoss as DiffusionLoss
