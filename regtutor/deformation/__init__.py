"""The heart: pure tensors in, tensors out. Read `warp`, then `velocity`, `affine`, `field`."""

from regtutor.deformation.affine import about_centre as about_centre
from regtutor.deformation.affine import affine_matrix as affine_matrix
from regtutor.deformation.affine import affine_to_ddf as affine_to_ddf
from regtutor.deformation.affine import apply_affine as apply_affine
from regtutor.deformation.affine import matrix_to_theta as matrix_to_theta
from regtutor.deformation.affine import theta_to_matrix as theta_to_matrix
from regtutor.deformation.field import ResizeField as ResizeField
from regtutor.deformation.field import compose as compose
from regtutor.deformation.field import invert as invert
from regtutor.deformation.field import move_points as move_points
from regtutor.deformation.field import resize_field as resize_field
from regtutor.deformation.jacobian import jacobian_determinant as jacobian_determinant
from regtutor.deformation.jacobian import one_sided_determinants as one_sided_determinants
from regtutor.deformation.velocity import DVF2DDF as DVF2DDF
from regtutor.deformation.velocity import exp as exp
from regtutor.deformation.warp import Warp as Warp
from regtutor.deformation.warp import identity_grid as identity_grid
from regtutor.deformation.warp import sample as sample
