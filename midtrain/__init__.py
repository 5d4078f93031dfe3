"""The console command ``midtrain``: one module a subcommand, put together in ``command``."""
