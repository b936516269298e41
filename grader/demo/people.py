"""The invented class: 24 people whose names come from many languages, and who exist nowhere else."""

from __future__ import annotations

from collections.abc import Iterable

from grader.demo.table import csv_text
from grader.model import Student

_NAMES = (
    ("zb2741", "van den Berg-Ólafsdóttir", "Zoë"),
    ("so1187", "O'Connor", "Seán"),
    ("nk6302", "Nguyễn", "Thị Minh Khai"),
    ("lm4419", "李", "明"),
    ("yt0958", "山田", "太郎"),
    ("km7713", "김", "민준"),
    ("ma5026", "العلي", "محمد"),
    ("sc3384", "כהן", "שרה"),
    ("np8840", "Παπαδοπούλου", "Ναταλία"),
    ("ds2095", "Шостак", "Дмитро"),
    ("jn6671", "Núñez y Álvarez", "José María"),
    ("lw1930", "Wójcik-Żak", "Łukasz"),
    ("cy4562", "Yıldırım", "Çağla"),  # noqa: RUF001 - that is how the name is written
    ("jl7208", "Lefèvre", "Jean-François"),
    ("dw3159", "Washington", "D'Angelo"),
    ("ag9017", "", "Agung"),
    ("ps5843", "शर्मा", "प्रिया"),
    ("fs2476", "สุขใจ", "ฟ้า"),
    ("oa8391", "Adébáyọ̀", "Olúwaṣeun"),
    ("gb0624", "ბერიძე", "გიორგი"),
    ("mb3907", "Bērziņa", "Māra"),
    ("ec1548", "Carter", "Emily"),
    ("nm7065", "Miller", "Noah"),
    ("tc9281", "de la Cruz Martínez", "Tatiana"),
)

STUDENTS: tuple[Student, ...] = tuple(
    Student(student_id, last, first, f"{student_id}@example.edu", {"section": "AB"[number % 2]})
    for number, (student_id, last, first) in enumerate(_NAMES)
)
"""The whole class, the same for every seed."""


def roster_csv() -> str:
    """The class as a `roster.csv` with one further column, `section`."""
    titles = ("student_id", "last_name", "first_name", "email", "section")
    return csv_text(titles, ((s.student_id, s.last_name, s.first_name, s.email, s.extra["section"]) for s in STUDENTS))


def not_invented(student_ids: Iterable[str]) -> tuple[str, ...]:
    """Those of the ids that belong to no invented student: a course that has any is not the demo's to touch."""
    ours = {student.student_id for student in STUDENTS}
    return tuple(student_id for student_id in student_ids if student_id not in ours)
