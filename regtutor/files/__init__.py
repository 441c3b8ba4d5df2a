"""Files: images and points, and the fields and transforms of ITK. Read `nifti` first."""

from regtutor.files.itk import read_displacement as read_displacement
from regtutor.files.itk import read_transform as read_transform
from regtutor.files.itk import write_displacement as write_displacement
from regtutor.files.itk import write_transform as write_transform
from regtutor.files.nifti import read_image as read_image
from regtutor.files.nifti import spacing_of as spacing_of
from regtutor.files.nifti import write_image as write_image
from regtutor.files.points import read_points as read_points
from regtutor.files.whole import written_whole as written_whole
