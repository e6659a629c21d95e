"""What other tools read of a finished assessment. Pure: Assessment -> text; ``write_all`` puts the files into the run folder.

junit     JUnit XML, for the test pages of CI servers
sarif     SARIF 2.1.0, for code scanning: results lie on the criterion's line in its file
summary   Markdown, for the summary of a GitHub Actions step
argument  GSN for gsn2x, a part of an assurance case

``attest`` writes the in-toto statement (`odd_assess.audit.attestation`) last, over files that are final.

The finding decides, these quote: a blocking criterion that is not MET is never green in any of them.
"""

from odd_assess.exchange.argument import argument as argument
from odd_assess.exchange.files import attest as attest
from odd_assess.exchange.files import write_all as write_all
from odd_assess.exchange.junit import junit as junit
from odd_assess.exchange.sarif import sarif as sarif
from odd_assess.exchange.summary import summary as summary
from odd_assess.exchange.words import estimate_words as estimate_words
from odd_assess.exchange.words import noise_words as noise_words
from odd_assess.exchange.words import overrides as overrides
from odd_assess.exchange.words import recertified_words as recertified_words
