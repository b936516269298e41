"""What all our HTML pages share: frame, style sheet, the policy that lets no script run; text made fit for them."""

from grader.page.frame import environment, palettes, style_sheet, theme_rules
from grader.page.plain import clean, clean_line, href, points, show_directions

__all__ = [
    "clean",
    "clean_line",
    "environment",
    "href",
    "palettes",
    "points",
    "show_directions",
    "style_sheet",
    "theme_rules",
]
