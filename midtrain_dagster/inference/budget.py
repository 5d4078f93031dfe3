"""What may be spent on an endpoint, and what was."""

import threading

MILLION = 1_000_000


class Budget:
    """Counts tokens, and money where their price is known. Safe for many threads.

    A request is begun while there is something left, so what is in flight at the end comes on top.
    """

    def __init__(
        self,
        *,
        tokens: int | None = None,
        money: float | None = None,
        price_in: float = 0.0,
        price_out: float = 0.0,
    ) -> None:
        """None: as much as is asked. Prices are those of a million tokens."""
        self.tokens, self.money = tokens, money
        self.price_in, self.price_out = price_in, price_out
        self.spent_tokens, self.spent_money = 0, 0.0
        self._lock = threading.Lock()

    def spend(self, tokens_in: int, tokens_out: int) -> None:
        """Count an answer."""
        with self._lock:
            self.spent_tokens += tokens_in + tokens_out
            self.spent_money += cost(tokens_in, tokens_out, self.price_in, self.price_out)

    @property
    def exhausted(self) -> str | None:
        """Why nothing more may be asked; none: it may."""
        with self._lock:
            if self.tokens is not None and self.spent_tokens >= self.tokens:
                return f"`budget_tokens` of {self.tokens:,} are spent ({self.spent_tokens:,})"
            if self.money is not None and self.spent_money >= self.money:
                return f"`budget_money` of {self.money:g} is spent ({self.spent_money:.4g})"
            return None


def cost(tokens_in: int, tokens_out: int, price_in: float, price_out: float) -> float:
    """What tokens cost, at prices of a million."""
    return (tokens_in * price_in + tokens_out * price_out) / MILLION
