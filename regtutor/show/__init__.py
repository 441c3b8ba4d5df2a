"""Pictures for the notebooks, one line each: `show.overlay(fixed, warped, view=view)`.

Nothing else in regtutor imports this; it brings matplotlib. Every function returns a `Picture`.
"""

from regtutor.show.boards import before_after as before_after
from regtutor.show.boards import blink as blink
from regtutor.show.boards import planes as planes
from regtutor.show.cliff import Trial as Trial
from regtutor.show.cliff import cliff as cliff
from regtutor.show.fields import arrows as arrows
from regtutor.show.fields import grid as grid
from regtutor.show.fields import jacobian as jacobian
from regtutor.show.fields import landmarks as landmarks
from regtutor.show.flow import flow as flow
from regtutor.show.history import curves as curves
from regtutor.show.history import histogram as histogram
from regtutor.show.images import checkerboard as checkerboard
from regtutor.show.images import difference as difference
from regtutor.show.images import overlay as overlay
from regtutor.show.images import slices as slices
from regtutor.show.landscape import landscape as landscape
from regtutor.show.leaf import leaf as leaf
from regtutor.show.monitor import monitor as monitor
from regtutor.show.orders import orders as orders
from regtutor.show.pad import field_pad as field_pad
from regtutor.show.paired import paired as paired
from regtutor.show.picture import Picture as Picture
from regtutor.show.picture import animate as animate
from regtutor.show.picture import stack as stack
from regtutor.show.plane import View as View
from regtutor.show.profiles import capture_range as capture_range
from regtutor.show.profiles import profiles as profiles
from regtutor.show.sweep import sweep as sweep
from regtutor.show.switchboard import switchboard as switchboard
from regtutor.show.viewer import view as view
from regtutor.show.volume import volume as volume
