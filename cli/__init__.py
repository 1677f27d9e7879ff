"""The `kb` command: one module per command, each a thin shell over one call into the library."""
