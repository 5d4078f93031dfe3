"""How the command ends; 0 is done."""

FAILED = 1
"""A run that failed."""
UNUSABLE = 2
"""A recipe or a call that cannot be run."""
INTERRUPTED = 130
"""Stopped by Ctrl-C, as a shell counts it (128 + SIGINT)."""
