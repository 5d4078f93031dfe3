"""How the command ends; 0 is done, and stopped by a signal it is 128 and its number."""

FAILED = 1
"""A run that failed."""
UNUSABLE = 2
"""A recipe or a call that cannot be run."""
