"""What arrives: archives and folders of learning systems, read as a stranger's, recognised, matched to the class.

Read in this order: `entries` and `archives` (what is in a folder or archive, refused where it is dangerous), `layouts`
and the modules that it names (whose work each entry is said to be), `people` (which student that is), `plan` (what
would become of each hand-in), `account` (what became of it).
"""

from grader.intake.account import Account, account_of, account_rows
from grader.intake.entries import Arrived, open_path
from grader.intake.entry import Entry, Limits, Refused
from grader.intake.hand_ins import HandIn, Person, digest_of, read_files
from grader.intake.layout import Context, Recognised
from grader.intake.layouts import FORMATS, alone, recognise
from grader.intake.names import TIMESTAMP
from grader.intake.people import Aliases, aliases_text, read_aliases
from grader.intake.plan import Action, Arrival, Collection, CollectPlan, Standing, Unmatched, plan_collect
from grader.intake.times import in_zone, read_stamp

__all__ = [
    "FORMATS",
    "TIMESTAMP",
    "Account",
    "Action",
    "Aliases",
    "Arrival",
    "Arrived",
    "CollectPlan",
    "Collection",
    "Context",
    "Entry",
    "HandIn",
    "Limits",
    "Person",
    "Recognised",
    "Refused",
    "Standing",
    "Unmatched",
    "account_of",
    "account_rows",
    "aliases_text",
    "alone",
    "digest_of",
    "in_zone",
    "open_path",
    "plan_collect",
    "read_aliases",
    "read_files",
    "read_stamp",
    "recognise",
]
