"""Where `kb` begins: what asks only for the version pays for nothing else."""

from __future__ import annotations

import gc
import os
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
    # The threads of a BLAS wait for work by turning in a loop. What kb gives them is done in a
    # millisecond, so the waiting is most of what they do: measured to double what it costs to
    # build an index, and far worse where other programs want the processor, too.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # ONNX Runtime, which some extras bring, tells its maker of its use, and keeps a mark of this
    # machine for that, from its import on, unless it finds this.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    # What is imported stays to the end. To look through it for garbage, time and again and once
    # more at the end, is a tenth of what a search costs. A command that may work for long turns
    # collection on (`cli.options.define`).
    gc.disable()
    try:
        from cli.interrupts import Interrupts

        interrupts = Interrupts()
        interrupts.note()
        from cli.main import main as run

        return run(interrupts=interrupts)
    finally:
        gc.freeze()


if __name__ == "__main__":
    sys.exit(main())
