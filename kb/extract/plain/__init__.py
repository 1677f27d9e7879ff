"""Text that needs no unpacking: plain, marked up, tables and data, and RTF."""
