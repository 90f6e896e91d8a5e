"""Sessions beside other pytest plugins: those that run tests again, more often, reordered, or for a while.

`tox -e neighbours` installs them; each loads itself into every test, so that they are no dependency of the
project's own ones. Whatever they do, record, JUnit and exit code have to be true.
"""
