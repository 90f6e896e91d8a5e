"""What the API's answers look like: durations in seconds, sizes in bytes, times as RFC 3339 in UTC.

A number that is not finite is null: not known, or beyond measure; the text beside it says which.
"""
