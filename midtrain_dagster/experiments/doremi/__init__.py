"""DoReMi: domain weights by group-distributionally-robust training of a proxy."""
