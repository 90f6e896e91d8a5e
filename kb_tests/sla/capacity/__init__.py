"""How far a cloud goes: the search of the largest load that keeps an SLA, as an interval at a confidence.

Pure: probes come in, the next load or the result goes out (`search.search`). What runs the probes is
`session/`. The method and what it was tried on: docs/capacity.md.
"""
