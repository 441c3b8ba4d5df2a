"""What a registration is judged by: overlap, surfaces, and the map itself. Read `mapping` first."""

from regtutor.metrics.mapping import folding_fraction as folding_fraction
from regtutor.metrics.mapping import log_jacobian_std as log_jacobian_std
from regtutor.metrics.mapping import target_registration_error as target_registration_error
from regtutor.metrics.overlap import DiceMetric as DiceMetric
from regtutor.metrics.surfaces import HausdorffDistanceMetric as HausdorffDistanceMetric
from regtutor.metrics.surfaces import SurfaceDistanceMetric as SurfaceDistanceMetric
