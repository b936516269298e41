"""Grades a whole Jupyter-notebook course: release, collect, grade, feedback, gradebook."""

__version__ = "0.1.0"
