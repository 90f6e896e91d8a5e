"""Charts as inline SVG: small, self-contained, text as text, readable without colours.

No chart uses pyplot: each makes a `Figure` of its own and leaves no state behind.
"""
