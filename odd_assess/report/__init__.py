"""The report: what leaves the building. From a finished Assessment to one HTML file, one PDF file and, on request, one of Markdown.

view/       pure: Assessment -> what the page says, every number a string rounded to its safe side
charts.py   pure: chart records -> vector SVG, always the same bytes
palette.py  the colours, for light, dark and paper
screening.py   a screening, as one page
comparison.py  several runs side by side, as one page
html.py     view + charts + templates -> one self-contained HTML file
markdown.py the same page as text, without charts and pictures
pdf.py      the same templates on A4 by WeasyPrint; ``pdf_available`` tells before a run whether that will work

The checker decides, the page quotes. matplotlib and WeasyPrint are imported by what draws and prints, not by importing this package.
"""

from odd_assess.report.comparison import write_comparison as write_comparison
from odd_assess.report.html import write_html as write_html
from odd_assess.report.markdown import write_markdown as write_markdown
from odd_assess.report.pdf import pdf_available as pdf_available
from odd_assess.report.pdf import write_pdf as write_pdf
from odd_assess.report.screening import screening_html as screening_html
from odd_assess.report.view import Page as Page
from odd_assess.report.view import page_of as page_of
