"""``python -m odd_assess``: the command line without its script."""

from odd_assess.cli import main

main()
