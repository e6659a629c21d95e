"""Assessment -> what the page says. Pure: no file, no chart, no template; every number is formatted here, on its safe side.

records.py   the page and its parts, frozen
formats.py   how numbers are written
findings.py  verdict and findings        domain.py  the ODD, its coverage, what was not tested
radii.py     certified accuracy and what limits points (band.py: the bounds of the curve)
reduction.py what the small budget cost  budgets.py the budget in words, and its cap
curve.py     the mean radius against n   accuracy_loss.py  certified accuracy against the reference's
brief.py     the page in four answers
attribute_levels.py  per level and pair of levels (judged.py: their bounds)
groups.py    per cell, per class         points.py  the weakest points
every_point.py  every point in a table, and what became of them
recertified.py  a modified model certified on its baseline (recertified_tables.py: the numbers)
average_case.py  estimates beside the certificates (average_case_tables.py: the numbers)
words.py     claims, limits, what a radius means
glossary.py  the words of the report     methods.py  methods, references, commands that check
manifest.py  the manifest, the run's name, signatures

Findings and verdict are quoted as the checker wrote them; nothing here decides.
"""

from odd_assess.report.view.page import page_of as page_of
from odd_assess.report.view.records import Page as Page
