"""What a router's gateway may connect servers to."""

from __future__ import annotations

from pathlib import Path

from kb_tests.localcloud.netns.gateway import Floating

_TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1
   1: 09054D7F:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2 1
   2: 0A054D7F:0050 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 3 1
"""


def test_only_what_listens_on_an_address_of_its_own_is_a_floating_ip(tmp_path: Path) -> None:
    table = tmp_path / "tcp"
    table.write_text(_TABLE)
    floating = Floating(table)
    assert ("127.77.5.9", 80) in floating
    assert ("127.77.5.9", 22) not in floating  # the machine's own sshd, on all addresses
    assert ("127.77.5.10", 80) not in floating  # a connection, nobody who listens
