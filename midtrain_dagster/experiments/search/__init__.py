"""A search for a mixture: what is drawn, in rounds, and the tables that laws are fitted to."""
