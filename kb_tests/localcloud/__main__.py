"""`python -m kb_tests.localcloud`."""

from kb_tests.localcloud.command import main

if __name__ == "__main__":
    raise SystemExit(main())
