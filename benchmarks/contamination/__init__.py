"""The labelled set by which decontamination is measured (``benchmarks.decontamination``)."""
