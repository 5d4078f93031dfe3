"""A swarm's tables whose losses follow a known law, for the tests of laws of a ratio."""

from collections.abc import Sequence

import numpy as np
import polars as pl

Size = tuple[str, int, int, int]
"""Name, tokens, parameters, how many proxies."""

SIZES: tuple[Size, ...] = (
    ("default", 2_000_000, 1_000_000, 30),
    ("longer", 4_000_000, 1_000_000, 10),
    ("longest", 8_000_000, 1_000_000, 10),
)


def code(share: np.ndarray, tokens: np.ndarray, parameters: np.ndarray) -> np.ndarray:
    """The loss of code: E + A/N^a + B r^h/D^b + C/(r + e)^g."""
    data = 0.5 * share**0.4 * (tokens / 1e6) ** -0.4
    return 1.2 + 0.4 * (parameters / 1e6) ** -0.3 + data + 0.3 * (share + 0.2) ** -0.5


def web(share: np.ndarray, tokens: np.ndarray, parameters: np.ndarray) -> np.ndarray:
    """The loss of web, by the share of code: c + a R^s + b T^-t."""
    return 2 + 0.3 * share**1.5 + 0.4 * (tokens / 1e6) ** -0.5 * (parameters / 1e6) ** -0.1


def swarm(
    sizes: Sequence[Size] = SIZES, *, noise: float = 2e-3, failed: Sequence[int] = ()
) -> dict[str, pl.DataFrame]:
    """Proxies of three domains; the mixtures of every size are others."""
    generator = np.random.default_rng(0)
    of = [(name, *rest) for name, *rest, many in sizes for _ in range(many)]
    names, tokens, parameters = zip(*of, strict=True)
    shares = generator.dirichlet(np.ones(3), len(of))
    at = shares[:, 0], np.array(tokens, float), np.array(parameters, float)
    numbers = np.arange(len(of))
    whole = [number for number in numbers.tolist() if number not in failed]
    losses = [
        pl.DataFrame(
            {
                "proxy": numbers,
                "target": f"loss/{domain}",
                "value": law(*at) * np.exp(generator.normal(0, noise, len(of))),
                "unit": "nats a token",
            }
        )
        for domain, law in (("code", code), ("web", web))
    ]
    return {
        "mixtures": pl.DataFrame(
            {
                "proxy": np.repeat(numbers, 3),
                "domain": ["code", "web", "books"] * len(of),
                "share": shares.ravel(),
            }
        ),
        "proxies": pl.DataFrame(
            {
                "proxy": numbers,
                "size": names,
                "tokens": tokens,
                "parameters": parameters,
                "failed": ["burst" if each in failed else None for each in numbers],
            },
            schema_overrides={"failed": pl.String},
        ),
        "losses": pl.concat(losses).filter(pl.col("proxy").is_in(whole)),
        "domains": pl.DataFrame(
            {"domain": ["code", "web", "books"], "prior": [0.2, 0.5, 0.3], "tokens": [1, 1, 1]}
        ),
    }
