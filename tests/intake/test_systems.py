"""Archives of learning systems, made from their documented naming, with the traps that they hold."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from grader.errors import IntakeError
from grader.intake import Action, CollectPlan

Zip = Callable[..., Path]
Collect = Callable[..., CollectPlan]
FilesOf = Callable[[CollectPlan], dict[str, list[str]]]


def unsettled(plan: CollectPlan) -> dict[str, tuple[str, ...]]:
    """Give the candidates of everybody who was not matched."""
    return {found.called: found.candidates for found in plan.unmatched}


def times(plan: CollectPlan) -> list[str]:
    """Give the times of the arrivals in UTC."""
    return [f"{a.timestamp.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if a.timestamp else "" for a in plan.arrivals]


class TestCanvas:
    """`leemartin_LATE_12345_678901_hw1-2.ipynb`."""

    def test_an_id_of_the_roster_or_the_name_tells_whose_it_is(
        self, collect: Collect, make_zip: Zip, files_of: FilesOf
    ) -> None:
        """Accents that Canvas keeps or drops make no difference."""
        names = ["renamed_101_9001_hw1.ipynb", "garciamarquezjose_102_9002_hw1.ipynb", "özcem_103_9003_hw1.ipynb"]
        plan = collect(make_zip(dict.fromkeys(names, "{}")))
        assert ("canvas",) == plan.layouts
        assert {"ada": ["hw1.ipynb"], "jose": ["hw1.ipynb"], "oz": ["hw1.ipynb"]} == files_of(plan)

    def test_two_students_of_one_name_are_not_told_apart_by_guessing(self, collect: Collect, make_zip: Zip) -> None:
        """Both are listed as candidates."""
        plan = collect(make_zip({"leemartin_12345_678901_hw1.ipynb": "{}"}))
        assert {"leemartin_12345": ("ml1", "ml2")} == unsettled(plan)

    def test_another_id_than_the_roster_has_is_somebody_else_of_that_name(
        self, collect: Collect, make_zip: Zip
    ) -> None:
        """Ada's Canvas id is 101."""
        plan = collect(make_zip({"lovelaceada_999_1_hw1.ipynb": "{}"}))
        assert {"lovelaceada_999": ("ada",)} == unsettled(plan)

    def test_two_accounts_of_one_name_are_nobodys(self, collect: Collect, make_zip: Zip) -> None:
        """Though the roster has only one student of that name, one of the two is somebody else."""
        plan = collect(make_zip({"smithmaryann_5_1_hw1.ipynb": "1", "smithmaryann_6_2_hw1.ipynb": "2"}))
        assert {"smithmaryann_5": ("mas",), "smithmaryann_6": ("mas",)} == unsettled(plan)

    def test_the_mark_of_lateness_is_the_least_that_it_says(self, collect: Collect, make_zip: Zip) -> None:
        """A second after the deadline; without the mark no time is invented."""
        plan = collect(make_zip({"lovelaceada_LATE_101_1_hw1.ipynb": "1", "smithmaryann_5_2_hw1.ipynb": "2"}))
        assert [("ada", True), ("mas", False)] == [(a.student_id, a.late) for a in plan.arrivals]
        assert ["2026-09-21 18:00:01", ""] == times(plan)

    def test_a_second_attempt_counts_and_the_first_is_kept(self, collect: Collect, make_zip: Zip) -> None:
        """`-2` marks it; a data file of the first attempt belongs to both."""
        names = ["lovelaceada_101_1_hw1.ipynb", "lovelaceada_101_7_hw1-2.ipynb", "lovelaceada_101_3_data.csv"]
        plan = collect(make_zip({name: name for name in names}))
        assert [Action.NEW, Action.REPLACES] == [arrival.action for arrival in plan.arrivals]
        assert [["data.csv", "hw1.ipynb"], ["data.csv", "hw1-2.ipynb"]] == [sorted(a.files()[0]) for a in plan.arrivals]

    def test_numbers_in_other_names_are_no_attempts(self, collect: Collect, make_zip: Zip, files_of: FilesOf) -> None:
        """Two plots, two parts without a whole: nothing of it is left out."""
        names = ["plot-1.png", "plot-2.png", "plot.png", "part-1.ipynb", "part-2.ipynb"]
        plan = collect(make_zip({f"lovelaceada_101_{n}_{name}": name for n, name in enumerate(names)}))
        assert {"ada": sorted(names)} == files_of(plan)

    def test_anonymous_hand_ins_are_settled_by_hand(self, collect: Collect, make_zip: Zip) -> None:
        """Nobody can be named for `anon_...`, with the mark in front or without."""
        plan = collect(make_zip({"anon_a1B2_77_hw1.ipynb": "1", "LATE_anon_zZ9_78_hw1.ipynb": "2"}))
        assert {"anon_a1B2": (), "anon_zZ9": ()} == unsettled(plan)
        again = collect(make_zip({"anon_a1B2_77_hw1.ipynb": "1"}), named={"anon_a1B2": "oz"})
        assert ["oz"] == [arrival.student_id for arrival in again.arrivals]

    def test_texts_and_links_belong_to_the_hand_in(self, collect: Collect, make_zip: Zip, files_of: FilesOf) -> None:
        """`_text.html` and `_link.html` have no attachment's number."""
        plan = collect(make_zip({"lovelaceada_101_text.html": "<p>", "lovelaceada_101_8_hw1.ipynb": "{}"}))
        assert {"ada": ["hw1.ipynb", "text.html"]} == files_of(plan)

    def test_a_groups_representative_hands_in_for_the_team_of_the_roster(self, collect: Collect, make_zip: Zip) -> None:
        """Canvas names one of them; the roster's column knows the others."""
        plan = collect(make_zip({"lovelaceada_101_1_hw1.ipynb": "{}"}), team_column="team")
        assert {"ada": "canvas_id", "ml1": "team"} == {a.student_id: a.by for a in plan.arrivals}

    def test_a_students_own_timestamp_sets_no_time(self, collect: Collect, make_zip: Zip, files_of: FilesOf) -> None:
        """It is refused alone; the time stays unknown."""
        names = {"lovelaceada_101_1_timestamp.txt": "2000-01-01 00:00:00 UTC", "lovelaceada_101_2_hw1.ipynb": "{}"}
        plan = collect(make_zip(names))
        assert {"ada": ["hw1.ipynb"]} == files_of(plan)
        assert [""] == times(plan)
        assert ["the course writes this file itself"] == [refused.reason for refused in plan.refused]


class TestMoodle:
    """`Jane Doe_657737_assignsubmission_file/hw1.ipynb`."""

    @pytest.mark.parametrize("middle", ["file/", "file_/", "file_"])
    def test_folders_of_all_ages_and_flat_names(
        self, collect: Collect, make_zip: Zip, files_of: FilesOf, middle: str
    ) -> None:
        """The name is matched in any order, with or without accents."""
        people = ["Mary Ann Smith_7", "JOSÉ García Márquez_8"]
        plan = collect(make_zip({f"{who}_assignsubmission_{middle}hw1.ipynb": "{}" for who in people}))
        assert ("moodle",) == plan.layouts
        assert {"mas": ["hw1.ipynb"], "jose": ["hw1.ipynb"]} == files_of(plan)

    def test_online_text_is_of_the_same_hand_in(self, collect: Collect, make_zip: Zip, files_of: FilesOf) -> None:
        """File and text come in two folders."""
        names = ["Ada Lovelace_7_assignsubmission_file/hw1.ipynb", "Ada Lovelace_7_assignsubmission_onlinetext/o.html"]
        assert {"ada": ["hw1.ipynb", "o.html"]} == files_of(collect(make_zip(dict.fromkeys(names, "x"))))

    def test_a_close_spelling_is_a_candidate_and_no_match(self, collect: Collect, make_zip: Zip) -> None:
        """A person decides, and is not asked again."""
        archive = make_zip({"Ada Lovlace_7_assignsubmission_file/hw1.ipynb": "{}"})
        assert {"Ada Lovlace_7": ("ada",)} == unsettled(collect(archive))
        settled = collect(archive, named={"Ada Lovlace": "ada"})
        assert ["ada"] == [arrival.student_id for arrival in settled.arrivals]
        later = make_zip({"Ada Lovlace_8888_assignsubmission_file/hw1.ipynb": "{}"}, "later.zip")
        assert {"ada": "alias"} == {a.student_id: a.by for a in collect(later, aliases=settled.learned).arrivals}

    def test_names_of_several_are_remembered_with_their_number_alone(self, collect: Collect, make_zip: Zip) -> None:
        """`Martin Lee` is two students: what was settled for one is not taken for the other."""
        archive = make_zip({"Martin Lee_1_assignsubmission_file/hw1.ipynb": "{}"})
        settled = collect(archive, named={"Martin Lee_1": "ml2"})
        assert {("moodle", "Martin Lee_1"): "ml2"} == settled.learned
        later = make_zip({"Martin Lee_2_assignsubmission_file/hw1.ipynb": "{}"}, "later.zip")
        assert {"Martin Lee_2": ("ml1", "ml2")} == unsettled(collect(later, aliases=settled.learned))


class TestBlackboard:
    """`ps1_hacker_attempt_2016-01-30-20-30-10_problem1.ipynb`."""

    def test_underscores_in_user_names_are_told_by_the_roster(self, collect: Collect, make_zip: Zip) -> None:
        """`m_lee` and `lee` are two students; `ps1_m_lee` is the first, since all have one title."""
        names = [f"ps1_{user}_attempt_2026-09-20-20-30-10_hw1.ipynb" for user in ("m_lee", "lee", "hacker", "jose_g")]
        plan = collect(make_zip({name: name for name in names}, "gradebook_cs1_ps1_2026-09-22.zip"))
        assert {"ml1", "ml2", "oz", "jose"} == {arrival.student_id for arrival in plan.arrivals}
        by_student = {arrival.student_id: arrival.hand_in.names[0] for arrival in plan.arrivals}
        assert "ps1_m_lee" == by_student["ml1"]

    def test_a_title_that_nobody_knows_leaves_two_readings_open(self, collect: Collect, make_zip: Zip) -> None:
        """`Problems_m_lee` alone may be `lee` of `Problems_m` or `m_lee` of `Problems`."""
        plan = collect(make_zip({"Problems_m_lee_attempt_2026-09-20-20-30-10_hw1.ipynb": "{}"}))
        assert ["Problems_m_lee"] == [found.called for found in plan.unmatched]

    def test_one_user_alone_proves_no_title(self, collect: Collect, make_zip: Zip) -> None:
        """`x_lee` has left the class: what they handed in is not `lee`'s, whatever the assignment is called there."""
        for title in ("ps1", "Problems"):
            plan = collect(make_zip({f"{title}_x_lee_attempt_2026-09-20-20-30-10_hw1.ipynb": "{}"}))
            assert () == plan.arrivals

    def test_the_archives_name_tells_the_title(self, collect: Collect, make_zip: Zip) -> None:
        """`gradebook_<course>_<assignment>_<time>.zip`."""
        name = "gradebook_CS.1_Problems_2026-09-22-10-00-00.zip"
        plan = collect(make_zip({"Problems_m_lee_attempt_2026-09-20-20-30-10_hw1.ipynb": "{}"}, name))
        assert ["ml1"] == [arrival.student_id for arrival in plan.arrivals]

    def test_the_sidecar_file_tells_the_user(self, collect: Collect, make_zip: Zip, files_of: FilesOf) -> None:
        """And is no file of the student's; a lie in the text below its first line changes nothing."""
        head = "Problems_m_lee_attempt_2026-09-20-20-30-10"
        sidecar = "Name: Martin Lee (m_lee)\nAssignment: Problems\n\nComments:\nName: Martin Lee (lee)\n"
        plan = collect(make_zip({f"{head}_hw1.ipynb": "{}", f"{head}.txt": sidecar}))
        assert {"ml1": ["hw1.ipynb"]} == files_of(plan)

    def test_of_two_attempts_the_latest_counts(self, collect: Collect, make_zip: Zip) -> None:
        """The times are in the course's zone: Berlin is two hours ahead in summer and one in winter."""
        stamps = ("2026-09-20-20-30-10", "2026-09-22-08-00-00")
        plan = collect(make_zip({f"ps1_hacker_attempt_{stamp}_hw1.ipynb": stamp for stamp in stamps}))
        assert ["2026-09-20 18:30:10", "2026-09-22 06:00:00"] == times(plan)
        assert [Action.NEW, Action.REPLACES] == [arrival.action for arrival in plan.arrivals]
        assert [False, True] == [arrival.late for arrival in plan.arrivals]
        first = collect(make_zip({f"ps1_hacker_attempt_{s}_hw1.ipynb": s for s in stamps}), counts="first")
        assert [Action.NEW, Action.KEPT] == [arrival.action for arrival in first.arrivals]

    def test_the_hour_that_comes_twice_is_the_earlier_one(self, collect: Collect, make_zip: Zip) -> None:
        """On 25 October 2026 clocks in Berlin go from 3:00 back to 2:00."""
        stamps = ("2026-10-25-01-30-00", "2026-10-25-02-30-00", "2026-10-25-03-30-00")
        plan = collect(make_zip({f"ps1_hacker_attempt_{stamp}_hw1.ipynb": stamp for stamp in stamps}))
        assert ["2026-10-24 23:30:00", "2026-10-25 00:30:00", "2026-10-25 02:30:00"] == times(plan)


METADATA = """---
submission_1:
  :submitters:
  - :name: Jose Garcia Marquez
    :sid: 00123
    :email: other@mail.org
  - :name: Ada Lovelace
    :sid:
    :email: ADA@x.edu
  :created_at: 2026-09-21 20:30:00.123456789 Z
  :score: 10.0
submission_2:
  :submitters:
  - :name: Cem Öz
    :email: gone@mail.org
  :created_at: !ruby/object:Time 2026-09-20 23:00:00 +0200
submission_3:
  :submitters: !ruby/object:Gem::Installer []
"""


class TestGradescope:
    """`assignment_1_export/submission_123/hw1.ipynb` and `submission_metadata.yml`."""

    def test_a_team_is_all_whom_the_metadata_list(self, collect: Collect, make_zip: Zip, files_of: FilesOf) -> None:
        """By id with its zeros, by e-mail, by name; tags of Ruby make no objects."""
        entries = {f"assignment_1_export/submission_{n}/hw1.ipynb": str(n) for n in (1, 2, 3)}
        plan = collect(make_zip({**entries, "assignment_1_export/submission_metadata.yml": METADATA}))
        assert ("gradescope",) == plan.layouts
        assert {"jose": ["hw1.ipynb"], "ada": ["hw1.ipynb"], "oz": ["hw1.ipynb"]} == files_of(plan)
        assert {"jose": "sid", "ada": "email", "oz": "name"} == {a.student_id: a.by for a in plan.arrivals}
        assert ["2026-09-21 20:30:00", "2026-09-21 20:30:00", "2026-09-20 21:00:00"] == times(plan)
        assert ["submission_3"] == [found.called for found in plan.unmatched]

    def test_a_students_own_metadata_names_nobody(self, collect: Collect, make_zip: Zip) -> None:
        """Only the file beside the submissions counts."""
        lie = "submission_2:\n  :submitters:\n  - :email: ada@x.edu\n"
        entries = {"submission_2/submission_metadata.yml": lie, "submission_2/hw1.ipynb": "2"}
        plan = collect(make_zip({**entries, "submission_metadata.yml": METADATA}))
        assert ["oz"] == [arrival.student_id for arrival in plan.arrivals]

    def test_metadata_that_cannot_be_read_are_one_line(self, collect: Collect, make_zip: Zip) -> None:
        """Not a traceback of the parser."""
        with pytest.raises(IntakeError, match=r"submission_metadata\.yml cannot be read"):
            collect(make_zip({"submission_metadata.yml": "a: [1", "submission_2/hw1.ipynb": "2"}))


class TestBrightspace:
    """`397063-2557369 - Mary-Ann Smith - Sep 24, 2024 926 PM/doc.ipynb`."""

    def test_name_and_time(self, collect: Collect, make_zip: Zip, files_of: FilesOf) -> None:
        """A hyphen in a name is no separator; the index page beside the folders is nobody's."""
        plan = collect(
            make_zip({"397063-25 - Mary-Ann Smith - Sep 21, 2026 926 PM/doc.ipynb": "{}", "index.html": "<html>"})
        )
        assert ("brightspace",) == plan.layouts
        assert {"mas": ["doc.ipynb"]} == files_of(plan)
        assert ["2026-09-21 19:26:00"] == times(plan)
        assert () == plan.refused

    def test_two_attempts_in_one_minute_stay_two(self, collect: Collect, make_zip: Zip) -> None:
        """And a second collection of them changes nothing."""
        names = [f"397063-{n} - Ada Lovelace - Sep 21, 2026 126 PM/doc.ipynb" for n in (1, 2)]
        plan = collect(make_zip({name: name for name in names}))
        assert ["2026-09-21 11:26:00"] * 2 == times(plan)
        assert ("ada",) == plan.duplicates


@pytest.mark.parametrize(
    "head",
    ["lovelaceada_101_7_", "Ada Lovelace_7_assignsubmission_file_", "ps1_ada_attempt_2026-09-20-20-30-10_"],
    ids=["canvas", "moodle", "blackboard"],
)
def test_what_is_left_of_a_name_is_judged_again(collect: Collect, make_zip: Zip, files_of: FilesOf, head: str) -> None:
    """Two dots at its end are a folder above once the head is off; what systems leave behind is left out in silence."""
    plan = collect(make_zip({f"{head}{name}": "{}" for name in ("..", ".", ".DS_Store", "CON", "hw1.ipynb")}))
    assert {"ada": ["hw1.ipynb"]} == files_of(plan)
    assert {"its path leads out of its folder", "its name is a device's on some systems"} == {
        refused.reason for refused in plan.refused
    }
    assert 3 == len(plan.refused)


def test_a_format_is_forced(collect: Collect, make_zip: Zip) -> None:
    """`--format` overrides what the names look like, and says what it wants where that cannot be."""
    archive = make_zip({"ada/hw1.ipynb": "{}"})
    assert ("folders",) == collect(archive, layout="folders").layouts
    with pytest.raises(IntakeError, match="--format moodle wants Jane Doe_"):
        collect(archive, layout="moodle")


def test_times_as_dates(collect: Collect) -> None:
    """What is no moment is None."""
    from grader.intake.times import read_brightspace, read_stamp

    assert "2026-09-24 12:05:00" == str(read_brightspace("Sep 24, 2026 1205 PM"))
    assert "2026-09-24 00:05:00" == str(read_brightspace("September 24, 2026 12:05 AM"))
    assert "2026-09-24 21:26:00" == str(read_brightspace("24 Sep, 2026 2126"))
    assert read_brightspace("Sep 31, 2026 100 PM") is None
    assert datetime(2026, 9, 24, 21, 26, 1, 500000, tzinfo=UTC) == read_stamp("2026-09-24 21:26:01.5 UTC\n")
    assert datetime(2026, 9, 24, 19, 26, tzinfo=UTC) == read_stamp("2026-09-24T21:26+02:00")
    assert datetime(2026, 9, 24, 19, 26, tzinfo=UTC) == read_stamp("2026-09-24 21:26 Europe/Berlin")
    for text in ("", "now", "2026-09-24", "2026-13-01 10:00", "2026-09-24 21:26 Nowhere/Here", "2026-09-24 21:26 ../x"):
        assert read_stamp(text) is None
