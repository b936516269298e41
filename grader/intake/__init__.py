"""What arrives: archives and folders of learning systems, read as a stranger's, recognised, matched to the class.

Read in this order: `entries` (what is in an archive or folder, refused where it is dangerous), `layouts` (whose work
each entry is), `plan` (which student that is, and what would become of the hand-in).
"""

from grader.intake.entries import Arrived, Entry, Limits, Refused, open_path
from grader.intake.layouts import HandIn, recognise
from grader.intake.plan import Action, Arrival, CollectPlan, Standing, Unmatched, plan_collect

__all__ = [
    "Action",
    "Arrival",
    "Arrived",
    "CollectPlan",
    "Entry",
    "HandIn",
    "Limits",
    "Refused",
    "Standing",
    "Unmatched",
    "open_path",
    "plan_collect",
    "recognise",
]
