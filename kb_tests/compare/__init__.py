"""Is one run slower than another: points matched, log ratios with bounds, a verdict; histories."""
