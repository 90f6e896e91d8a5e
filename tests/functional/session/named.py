"""A host that is named, and nobody else."""

from __future__ import annotations

from collections.abc import Collection

from tests.functional.session.suite import Ended


def only_named(ended: Ended, host: str, hosts: Collection[str], told: str) -> list[str]:
    """What is said of the second of two points, of which the first passed: of that host with three servers
    `told` first, and nothing of any other of `hosts`.
    """
    first, second = ended.record["points"]
    assert (first["verdict"]["outcome"], first["culprits"]) == ("pass", []), ended.output
    assert second["verdict"]["outcome"] == "fail", ended.output
    sentences: list[str] = second["culprits"]
    assert sentences, ended.output
    assert sentences[0].startswith(f"Host {host} with 3 servers: {told}"), sentences
    others = [other for other in hosts if other != host]
    assert not any(other in sentence for sentence in sentences for other in others), sentences
    assert sentences[0] in ended.output
    return sentences
