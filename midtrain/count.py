"""A count as an argument of the command."""

import argparse


def count(text: str) -> int:
    """At least one of something. Raises what argparse shows of a value that is none."""
    if not text.strip().isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 on")
    return int(text)
