"""What runs inside the servers; standard library only, Python 3.9 and newer, no import of kb_tests."""
