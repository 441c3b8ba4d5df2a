"""From files to tensors: dictionary transforms that move image, label and points together."""

from regtutor.transforms.augmentation import RandAffined as RandAffined
from regtutor.transforms.augmentation import RandFlipd as RandFlipd
from regtutor.transforms.dictionary import Compose as Compose
from regtutor.transforms.dictionary import MapTransform as MapTransform
from regtutor.transforms.dictionary import RandomTransform as RandomTransform
from regtutor.transforms.framing import CenterSpatialCropd as CenterSpatialCropd
from regtutor.transforms.framing import SpatialPadd as SpatialPadd
from regtutor.transforms.geometry import ResampleToMatchd as ResampleToMatchd
from regtutor.transforms.intensity import NormalizeIntensityd as NormalizeIntensityd
from regtutor.transforms.intensity import ScaleIntensityd as ScaleIntensityd
from regtutor.transforms.intensity import ScaleIntensityRanged as ScaleIntensityRanged
from regtutor.transforms.noise import RandGaussianNoised as RandGaussianNoised
from regtutor.transforms.reading import EnsureChannelFirstd as EnsureChannelFirstd
from regtutor.transforms.reading import LoadImaged as LoadImaged
from regtutor.transforms.resizing import Resized as Resized
