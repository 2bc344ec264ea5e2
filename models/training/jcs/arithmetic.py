"""Which arithmetic trains fastest on this processor, and a context that uses it.

bfloat16 doubles the speed of some processors and halves that of others, although both have the instructions.
"""

import contextlib
import time

import torch
from torch import nn

CHOICES = ("auto", "fp32", "bf16")


def faster() -> str:
    """Time one convolution of the networks both ways."""
    seconds = {}
    image = torch.randn(8, 128, 56, 56).to(memory_format=torch.channels_last)
    convolution = nn.Conv2d(128, 128, 3, padding=1).to(memory_format=torch.channels_last)
    for name in ("fp32", "bf16"):
        with context(name), torch.no_grad():
            convolution(image)
            started = time.process_time()
            for _ in range(3):
                convolution(image)
            seconds[name] = time.process_time() - started
    return min(seconds, key=lambda name: seconds[name])


def context(name: str, device: torch.device | None = None) -> contextlib.AbstractContextManager:
    return torch.autocast(device.type if device else "cpu", torch.bfloat16) if name == "bf16" else contextlib.nullcontext()
