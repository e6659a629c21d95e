"""The command line: one thin module per command, imported when the command is used, so that ``--help`` and ``lint`` start at once.

Exit statuses, frozen: 0 all blocking criteria met; 1 a blocking criterion not met; 2 bad usage, spec, data or model; 3 inconclusive;
4 the run broke or its evidence is incomplete; 130 interrupted.
"""

from odd_assess.cli.main import main as main
