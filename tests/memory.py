"""The memory of a process under test."""

import resource
import sys
from pathlib import Path


def peak_memory() -> int:
    """Return the most bytes that this process has had in memory.

    On Linux, `ru_maxrss` of a new process begins with what the one that started it had; VmHWM does not.
    """
    if sys.platform == "linux":
        status = Path("/proc/self/status").read_text()
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
