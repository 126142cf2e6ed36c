"""Memory of a training: its peak, its lack, and giving it back."""

import gc
import re
from pathlib import Path

import torch

_STATUS = Path("/proc/self/status")
_RESET = Path("/proc/self/clear_refs")


def reset_peak(device: torch.device) -> None:
    """Start to measure the peak anew."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return
    try:
        # 5 resets the peak of the resident set (proc_pid_clear_refs(5)).
        _RESET.write_text("5")
    except OSError:
        # Not permitted in some containers: the peak is then that of the whole process.
        return


def peak_memory(device: torch.device) -> int | None:
    """Peak in bytes since :func:`reset_peak`: what torch held of the GPU, or the process of the
    machine; ``None`` where the system does not tell.
    """
    if device.type == "cuda":
        return int(torch.cuda.max_memory_reserved(device))
    try:
        match = re.search(r"VmHWM:\s+(\d+) kB", _STATUS.read_text())
    except OSError:
        return None
    return int(match[1]) * 1024 if match else None


def device_memory(device: torch.device) -> int | None:
    """Memory in bytes of the GPU; ``None`` on a CPU."""
    if device.type != "cuda":
        return None
    return int(torch.cuda.get_device_properties(device).total_memory)


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether an error of torch's means that memory did not suffice, on a GPU or on the CPU."""
    if isinstance(error, torch.OutOfMemoryError):
        return True
    text = str(error)
    return "DefaultCPUAllocator" in text or "CUBLAS_STATUS_ALLOC_FAILED" in text


def release_memory() -> None:
    """Free unused memory of the device, so that the next attempt has all of the memory."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
