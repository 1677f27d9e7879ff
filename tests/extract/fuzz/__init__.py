"""A fuzz run over every reader: damaged files go through the same workers as in `kb ingest`.

`make fuzz` runs it for ten minutes, and the tests for some seconds. What does not keep the rules
of `faults` is kept in a folder, with a line that says how to make it again.

    seeds      whole files of every format      tokens   words that readers stumble over
    mutate     damage to bytes, parts, markup   faults   what holds for every outcome
    run        reads, checks, counts, keeps
"""
