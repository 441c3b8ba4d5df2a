"""Exercises whose checks say which mistake was made: `check`, `hint`, `solution`."""

from regtutor.exercises.bending_01 import four_pushes as four_pushes
from regtutor.exercises.certificate import certificate as certificate
from regtutor.exercises.checking import check as check
from regtutor.exercises.checking import hint as hint
from regtutor.exercises.checking import solution as solution
from regtutor.exercises.comparing import two_methods as two_methods
from regtutor.exercises.evidence import contestants as contestants
from regtutor.exercises.evidence import strangers as strangers
from regtutor.exercises.gridding import on_fixed_grid as on_fixed_grid
from regtutor.exercises.hidden import Leaderboard as Leaderboard
from regtutor.exercises.matching import seven_curves as seven_curves
from regtutor.exercises.mysteries import mysteries as mysteries
from regtutor.exercises.planting import faulty_folder as faulty_folder
from regtutor.exercises.ranking import reported_table as reported_table
from regtutor.exercises.refining import lambda_table as lambda_table
from regtutor.exercises.registrations import four_fields as four_fields
from regtutor.exercises.shifting import SHIFTS as SHIFTS
from regtutor.exercises.shifting import shifted as shifted
from regtutor.exercises.shuffled import shuffled_step as shuffled_step
from regtutor.exercises.sorting import sorted_by_brightness as sorted_by_brightness
from regtutor.exercises.tabulating import tabulate as tabulate
from regtutor.exercises.warping import letter as letter
from regtutor.exercises.warping import wrong_warps as wrong_warps
