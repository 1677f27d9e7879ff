"""Where `kb` begins: what asks only for the version pays for nothing else."""

from __future__ import annotations

import sys


def main() -> int:
    """Run one command and give its exit code."""
    if sys.argv[1:] == ["--version"] and sys.stdout is not None:
        from kb import __version__

        # The full program answers the same, but reading its options takes five times as long.
        try:
            sys.stdout.write(f"kb {__version__}\n")
            sys.stdout.flush()
        except OSError:
            pass
        else:
            return 0
    from cli.main import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
