"""Who predicts the field: LocalNet at every voxel, GlobalNet as one affine map. `blocks` first."""

from regtutor.networks.globalnet import GlobalNet as GlobalNet
from regtutor.networks.localnet import LocalNet as LocalNet
from regtutor.networks.recompute import recompute as recompute
from regtutor.networks.trained import trained_globalnet as trained_globalnet
from regtutor.networks.trained import trained_localnet as trained_localnet
from regtutor.networks.weights import from_monai as from_monai
from regtutor.networks.weights import to_monai as to_monai
