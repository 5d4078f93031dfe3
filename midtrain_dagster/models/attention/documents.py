"""Where the texts of packed windows begin and end: derived once a batch, used by every layer.

What variable-length kernels call ``cu_seqlens``. Linear in tokens, where a mask is quadratic.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True)
class Documents:
    """The lengths in tokens of the texts of n windows, one window after the other."""

    lengths: tuple[int, ...]
    window: int
    """Tokens of each window; no text reaches from one into the next."""

    @classmethod
    def numbered(cls, numbers: np.ndarray) -> "Documents":
        """Of windows [n, L] that say each token's text by a number; texts lie side by side."""
        rows, window = numbers.shape
        begins = np.ones((rows, window), np.bool_)
        np.not_equal(numbers[:, 1:], numbers[:, :-1], out=begins[:, 1:])
        bounds = np.append(np.flatnonzero(begins), rows * window)
        return cls(tuple(np.diff(bounds).tolist()), window)

    @classmethod
    def of_positions(cls, position_ids: "Tensor | np.ndarray") -> "Documents":
        """A text goes on where a position [n, L] follows the one before it, as transformers has it
        (``masking_utils.find_packed_sequence_indices``). Each token of padding is one of its own.
        """
        places = (
            position_ids if isinstance(position_ids, np.ndarray) else position_ids.cpu().numpy()
        )
        goes_on = np.diff(places, axis=1, prepend=places[:, :1]) == 1
        return cls.numbered(np.cumsum(~goes_on, 1))

    @classmethod
    def whole(cls, rows: int, window: int) -> "Documents":
        """Windows of one text each."""
        return cls((window,) * rows, window)

    @cached_property
    def runs(self) -> Sequence[tuple[int, int]]:
        """How many texts of one length follow each other, and that length: the shapes of calls."""
        return [(len(list(same)), length) for length, same in groupby(self.lengths)]

    @cached_property
    def longest(self) -> int:
        """Tokens of the longest text."""
        return max(self.lengths)

    def bounds(self, device: "torch.device") -> "Tensor":
        """``cu_seqlens``: int32, [texts + 1], on a device; copied there once."""
        import torch

        if (device, "bounds") not in self._made:
            bounds = torch.tensor([0, *np.cumsum(self.lengths).tolist()], dtype=torch.int32)
            self._made[device, "bounds"] = bounds.to(device)
        return self._made[device, "bounds"]

    def mask(self, device: "torch.device", sliding: int | None = None) -> "Tensor":
        """What each token sees, bool, [windows, 1, L, L]; for short windows alone. Made once."""
        import torch

        if (device, sliding) not in self._made:
            text = torch.repeat_interleave(torch.tensor(self.lengths)).view(-1, self.window)
            place = torch.arange(self.window)
            back = place[:, None] - place
            near = (back >= 0) & (back < (sliding or self.window))
            seen = near & (text[:, :, None] == text[:, None, :])
            self._made[device, sliding] = seen[:, None].to(device)
        return self._made[device, sliding]

    @cached_property
    def _made(self) -> "dict[tuple[torch.device, int | str | None], Tensor]":
        return {}
