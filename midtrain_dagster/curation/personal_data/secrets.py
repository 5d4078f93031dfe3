"""Keys and tokens: those that their issuers mark by a prefix, and assigned values that look random.

The patterns follow the issuers' documentation and the rules of gitleaks. A value without a mark
(``api_key = "..."``) counts only if it is as random as a key: its bytes carry at least 3.5 bits
each (gitleaks' bound for generic keys); where it is hexadecimal 3 bits (detect-secrets' bound), and
it has 32 digits, for shorter ones are names of keys. A public key is no secret.
Documented placeholders (``AKIAIOSFODNN7EXAMPLE``, ``your-token-here``) are not secrets.
"""

import re
from collections import Counter
from math import log2

_MARKED = re.compile(
    rb"""
    (?:AKIA|ASIA)[A-Z2-7]{16}                                        # AWS
    | gh[pousr]_[A-Za-z0-9]{36,251} | github_pat_[A-Za-z0-9_]{60,255}  # GitHub
    | glpat-[A-Za-z0-9_-]{20,300}                                    # GitLab
    | xox[abeoprs]-[A-Za-z0-9-]{20,250}                              # Slack
    | AIza[A-Za-z0-9_-]{35}                                          # Google
    | [sr]k_live_[A-Za-z0-9]{20,250}                                 # Stripe
    | sk-(?:ant-|proj-)?[A-Za-z0-9_-]{32,250}                        # Anthropic, OpenAI
    | hf_[A-Za-z]{34} | npm_[A-Za-z0-9]{36}                          # Hugging Face, npm
    | eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,}  # JSON web token
    """,
    re.VERBOSE,
)
_WORD = re.compile(rb"[A-Za-z0-9_-]")
_PRIVATE_KEY = re.compile(
    rb"-----BEGIN ((?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?)-----"
    rb"([^-]{64,20000}?)-----END \1-----"
)
_PLACEHOLDER = re.compile(
    rb"example|placeholder|change.?me|your|dummy|redacted|xxxx|sample|1234567|abcdefg",
    re.IGNORECASE,
)
_HEXADECIMAL = re.compile(rb"[0-9a-f]+|[0-9A-F]+")
_PUBLIC = re.compile(
    rb"pub(?:lic)?[\s_-]?key|key[\s_-]?id|fingerprint|host[\s_-]?key", re.IGNORECASE
)
_WORDS = re.compile(rb"[a-z]{3,}|[A-Z][a-z]{3,}")


def marked_secret(data: bytes, start: int, end: int) -> int:
    """Where the secret stops that begins with a known prefix at ``start``, or ``start``.

    ``end`` is where the document ends in ``data``. A private key (PEM) is taken with its frame.
    """
    block = _PRIVATE_KEY.match(data, start, end)
    if block:
        return block.end()
    token = _MARKED.match(data, start, end)
    if token is None or _WORD.match(data, token.end(), end) or _PLACEHOLDER.search(token.group()):
        return start
    prefix = data[start : start + 3]
    if prefix == b"sk-" and not looks_random(token.group()[3:]):
        return start
    return token.end()


def looks_random(value: bytes) -> bool:
    """Whether a value is as random as a key: letters and digits, few words, high entropy."""
    if (
        _PLACEHOLDER.search(value)
        or not re.search(rb"\d", value)
        or not re.search(rb"[A-Za-z]", value)
    ):
        return False
    if _HEXADECIMAL.fullmatch(value):
        return len(value) >= 32 and entropy(value) >= 3.0
    spelt = sum(map(len, _WORDS.findall(value)))
    return entropy(value) >= 3.5 and spelt <= len(value) / 2


def names_public_key(before: bytes) -> bool:
    """Whether the last line of ``before``, up to an assigned value, speaks of a public key."""
    return _PUBLIC.search(before[before.rfind(b"\n") + 1 :]) is not None


def entropy(value: bytes) -> float:
    """Shannon entropy of the bytes' own distribution, in bits per byte."""
    counts = Counter(value).values()
    return -sum(count / len(value) * log2(count / len(value)) for count in counts)
