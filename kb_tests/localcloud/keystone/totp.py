"""One-time passcodes by time (RFC 6238): six digits, every 30 s, by HMAC-SHA1."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import struct

_STEP = 30


def passcode(key: str, moment: float) -> str:
    """The passcode of a key in base32 at a moment (Unix seconds).

    Raises:
        ValueError: the key is not base32.

    """
    try:
        raw = base64.b32decode(key.upper() + "=" * (-len(key) % 8))
    except binascii.Error as error:
        raise ValueError(str(error)) from None
    digest = hmac.new(raw, struct.pack(">Q", int(moment) // _STEP), hashlib.sha1).digest()
    offset = digest[-1] & 0xF
    (number,) = struct.unpack(">I", digest[offset : offset + 4])
    return f"{(number & 0x7FFFFFFF) % 10**6:06d}"


def matches(key: str, given: str, moment: float) -> bool:
    """Whether a passcode is this step's, or the one's before, as Keystone allows."""
    try:
        valid = [passcode(key, moment - late) for late in (0, _STEP)]
    except ValueError:
        return False
    return any(hmac.compare_digest(each, given) for each in valid)
