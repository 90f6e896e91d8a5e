"""Clocks of a server that stood still: what its processes read is set back by the time for which it did.

A hypervisor that stops a guest (live migration, snapshot) stops its clocks too, and no time namespace can
be given to a process that runs. Programs read their clocks by functions that the kernel maps into them
(vdso(7)). While a process is stopped, these are overwritten by ones that ask the kernel and take the shift
off; the mapping is the process's own copy from then on. What is started later has the true clocks. The
kernel's timers go on: a sleep until a time of CLOCK_MONOTONIC, as Python's is, ends early by the shift.
"""

# ruff: noqa: PTH123, PTH208 - as in the other modules of the helper

from __future__ import annotations

import os
import platform
import signal
import struct
import time
from contextlib import suppress
from dataclasses import dataclass

_CLOCKS = sum(1 << clock for clock in (0, 1, 4, 5, 6, 7, 11))
"""Those of time that passes: not those of CPU time. The numbers are of linux/time.h."""

_SECONDS, _PARTS = 0, 8
_DATA = struct.Struct("<qq")
_DYNAMIC_SYMBOLS = 11
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")


def check() -> None:
    """Raise `OSError` where the functions of this machine's architecture are not known."""
    if platform.machine() != "x86_64":
        raise OSError(95, "clocks can be set back on x86-64 machines alone")


def _ending(pointer: int, after: bytes, parts_per_second: int) -> bytes:
    """Subtract from the two numbers at a register (6: rsi, 7: rdi), and return 0. The shift follows."""
    load = bytes((0x48, 0x8B, pointer, 0x48, 0x8B, 0x50 | pointer, 0x08))  # mov rax,[p]; mov rdx,[p+8]
    borrow = b"\x48\x81\xc2" + struct.pack("<i", parts_per_second) + b"\x48\xff\xc8"  # add rdx,..; dec rax
    store = bytes((0x48, 0x89, pointer, 0x48, 0x89, 0x50 | pointer, 0x08))
    tail = store + b"\x31\xc0" + after  # xor eax,eax
    to_parts = len(b"\x79\x00") + len(borrow) + len(tail) + _PARTS
    take_parts = b"\x48\x2b\x15" + struct.pack("<i", to_parts)  # sub rdx,[rip+..]
    to_seconds = len(take_parts) + to_parts - _PARTS
    take_seconds = b"\x48\x2b\x05" + struct.pack("<i", to_seconds)  # sub rax,[rip+..]
    return (
        load + take_seconds + take_parts + bytes((0x79, len(borrow))) + borrow + tail
    )  # jns over the borrow


def _clock_gettime() -> bytes:
    body = _ending(6, b"\xc3", 10**9)
    choose = b"\xb9" + struct.pack("<I", _CLOCKS) + b"\x0f\xa3\xf9"  # mov ecx,mask; bt ecx,edi
    choose += bytes((0x73, len(body) - 1))  # jnc to the ret
    choose = b"\x83\xff\x0b" + bytes((0x77, len(choose) + len(body) - 1)) + choose  # cmp edi,11; ja
    failed = bytes((0x75, len(choose) + len(body) - 1))  # jnz
    return (
        b"\xb8\xe4\x00\x00\x00\x0f\x05\x85\xc0" + failed + choose + body
    )  # mov eax,228; syscall; test eax,eax


def _gettimeofday() -> bytes:
    body = _ending(7, b"\xc3", 10**6)
    given = b"\x48\x85\xff" + bytes((0x74, len(body) - 1))  # test rdi,rdi; jz
    failed = bytes((0x75, len(given) + len(body) - 1))
    return b"\xb8\x60\x00\x00\x00\x0f\x05\x85\xc0" + failed + given + body  # mov eax,96; syscall


def _time() -> bytes:
    store = b"\x48\x85\xff\x74\x03\x48\x89\x07\xc3"  # test rdi,rdi; jz +3; mov [rdi],rax; ret
    return b"\xb8\xc9\x00\x00\x00\x0f\x05\x48\x2b\x05" + struct.pack("<i", len(store)) + store


FUNCTIONS = {
    "__vdso_clock_gettime": (_clock_gettime(), 10**9),
    "__vdso_gettimeofday": (_gettimeofday(), 10**6),
    "__vdso_time": (_time(), 1),
}
"""By the name of the kernel's, what takes its place, and the parts of a second in which it counts. Behind the
code follows the shift: seconds, and where there are any, parts.
"""


@dataclass(frozen=True)
class _Function:
    """One of the kernel's in a process: its place and size."""

    place: int
    size: int


def settle(pid: int) -> None:
    """Have a process that was told to stop do so outside of the functions: it would go on in the midst of
    others. Raises `OSError`.
    """
    with suppress(FileNotFoundError, ProcessLookupError):  # it has ended
        with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
            functions = _functions(pid, memory.fileno()).values()
        for _ in range(_TRIES):
            places = _instructions(pid)
            known = [place for place in places if place is not None]
            if len(known) == len(places):
                if not any(each.place <= at < each.place + each.size for at in known for each in functions):
                    return
                os.kill(pid, signal.SIGCONT)
                time.sleep(_A_LITTLE)
                os.kill(pid, signal.SIGSTOP)
            time.sleep(_A_LITTLE)
        raise OSError(16, f"process {pid} does not stop, or does nothing but read its clock")


_TRIES, _A_LITTLE = 1000, 0.0005


def set_back(pid: int, seconds: float) -> None:
    """Let the clocks that a process reads, which has settled, be this much more behind. Raises `OSError`."""
    with (
        suppress(FileNotFoundError, ProcessLookupError),
        open(f"/proc/{pid}/mem", "r+b", buffering=0) as file,
    ):
        found = _functions(pid, file.fileno())
        for name, (code, parts) in FUNCTIONS.items():
            if name in found:
                _overwrite(file.fileno(), found[name], code, parts, seconds)


def _overwrite(memory: int, function: _Function, code: bytes, parts: int, seconds: float) -> None:
    if len(code) + _DATA.size > function.size and not (parts == 1 and len(code) + _PARTS <= function.size):
        raise OSError(95, "the kernel's clock functions are too short to be overwritten")
    shift = 0.0
    if os.pread(memory, len(code), function.place) == code:
        known = os.pread(memory, _DATA.size, function.place + len(code))
        whole, rest = _DATA.unpack(known)
        shift = whole + (rest / parts if parts > 1 else 0)
    shift += seconds
    whole = int(shift)
    data = _DATA.pack(whole, round((shift - whole) * parts))
    os.pwrite(memory, code + (data if parts > 1 else data[:_PARTS]), function.place)


def _instructions(pid: int) -> list[int | None]:
    """Where the threads of a process have stopped; None for one that has not."""
    places: list[int | None] = []
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/syscall") as file:
            words = file.read().split()
        places.append(int(words[-1], 16) if len(words) > 1 else None)
    return places


def _functions(pid: int, memory: int) -> dict[str, _Function]:
    """The kernel's clock functions in a process, from the symbols of what it maps there."""
    with open(f"/proc/{pid}/maps") as maps:
        line = next((line for line in maps if line.rstrip().endswith("[vdso]")), None)
    if line is None:
        return {}
    start, end = (int(part, 16) for part in line.split()[0].split("-"))
    image = os.pread(memory, end - start, start)
    (sections,) = struct.unpack_from("<Q", image, 0x28)
    size, count = struct.unpack_from("<HH", image, 0x3A)
    headers = [_SECTION.unpack_from(image, sections + number * size) for number in range(count)]
    found = {}
    for _, kind, _, _, offset, length, link, _, _, entry in headers:
        if kind != _DYNAMIC_SYMBOLS:
            continue
        names = headers[link][4]
        for at in range(offset, offset + length, entry):
            name, _, _, _, value, extent = _SYMBOL.unpack_from(image, at)
            text = image[names + name : image.index(b"\0", names + name)].decode()
            if text in FUNCTIONS:
                found[text] = _Function(start + value, extent)
    return found
