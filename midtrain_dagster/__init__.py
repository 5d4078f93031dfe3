"""How mid-training is done: the methods of each room, without Dagster."""

import os

# How often a waiting OpenMP thread spins before it sleeps, read when torch is loaded. By default it
# all but never sleeps, and two threads get twenty times slower than one as soon as anything else
# wants the CPU (330 tokens a second against 7,700, for 1.3M parameters; 32 s became 217 s for 96
# prompts); so bounded, they lose little on an idle machine.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")
