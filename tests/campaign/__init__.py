"""Runs of the suite with one fault each, on a local cloud that outlives them, looked at from outside.

::

    python -m tests.campaign --runs 300 --seed 1 --parallel 2
    python -m tests.campaign --seed 1 --only 137           the run 137 of seed 1 again
    python -m tests.campaign --list                        classes of faults, and what each may end with
"""
