"""A web server that answers as no true one does: `python -m tests.campaign.impostor KIND PORT`.

Run inside a server's namespaces, whose end ends it.
"""

from __future__ import annotations

import errno
import os
import sys
import time

from tests.functional.agent import wrong

PAGE = f"{wrong.PAGE.size}B"
KINDS = (
    "cut off",
    "few connections",
    "accept, then reset",
    "accept, then silence",
    "chunks of another content",
    "chunks without an end",
    "two lengths",
    "a second answer",
    "HTTP/1.0, which keeps no connection",
    "continue, and no more",
)
"""Of `wrong`, what no configuration makes nginx do."""

READY = b"ready\n"


def main() -> None:
    """Serve for as long as the server lives."""
    kind, port = sys.argv[1:]
    serve = (wrong.WRONG | wrong.WRONG_TOO)[kind]
    while True:
        try:
            with wrong.serving(serve, ("0.0.0.0", int(port))):
                os.write(1, READY)
                while True:
                    time.sleep(60)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            time.sleep(0.02)  # nginx still has it


if __name__ == "__main__":
    main()
