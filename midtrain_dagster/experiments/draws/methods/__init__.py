"""The rules by which mixtures are drawn."""
