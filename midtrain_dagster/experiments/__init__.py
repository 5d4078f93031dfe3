"""Experiments that answer what a recipe asks: small trainings, and what is read from them."""
