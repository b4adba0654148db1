import subprocess
import sys

import pytest

from album.media import allocation

ASK = """
import ctypes, sys
from album.media.allocation import keep_large_blocks
assert keep_large_blocks() or sys.exit("no glibc")
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]
size = (16 << 20) + 4096
def taken():
    blocks = [libc.malloc(size) for _ in range(6)]
    for block in blocks:
        ctypes.memset(ctypes.c_void_p(block), 1, size)
    return blocks
for block in taken():
    libc.free(block)
blocks = taken()
before = resident()
for block in blocks:
    libc.free(block)
print(before - resident())
"""
RESIDENT = """
import os
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a setting of glibc")
def test_the_memory_of_a_picture_stays_with_the_process():
    done = subprocess.run(
        [sys.executable, "-c", RESIDENT + ASK], capture_output=True, text=True, check=False
    )
    if "no glibc" in done.stderr:
        pytest.skip("another C library")
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 1 << 20
    without = ASK.replace("assert keep_large_blocks()", "assert True")
    bare = subprocess.run(
        [sys.executable, "-c", RESIDENT + without], capture_output=True, text=True, check=True
    )
    assert int(bare.stdout) > 10 << 20


def test_other_systems_are_left_alone(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not allocation.keep_large_blocks()
