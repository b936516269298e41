"""A soak: a class of bombs and honest work is graded again and again while its processes are killed at random.

After each round the invariants of the corpus are checked: `course` makes the class, `kills` strikes, `watch` measures,
`invariants` says what did not hold, `rounds` puts them together. The attacks are those of `tests/corpus`.
"""
