"""How the mixtures of a swarm are drawn: a family, one file a rule in ``methods/``."""
