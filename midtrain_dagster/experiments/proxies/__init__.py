"""Proxies: small models, each trained on a mixture and measured, a unit of work each."""
