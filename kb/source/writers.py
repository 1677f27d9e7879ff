"""Is somebody writing to a file right now?"""

from __future__ import annotations

import errno
import os
import signal
from pathlib import Path


def is_being_written(path: Path) -> bool:
    """Tell whether a file is known to be open for writing; False where that cannot be known.

    Linux tells it to the file's owner: a lease for reading is refused while somebody may write.
    """
    try:
        import fcntl

        take, keep, drop = fcntl.F_SETLEASE, fcntl.F_RDLCK, fcntl.F_UNLCK
    except (ImportError, AttributeError):
        return False
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        if signal.getsignal(signal.SIGIO) is signal.SIG_DFL:
            # Whoever opens the file in this very moment would have us told, and ended, by it.
            signal.signal(signal.SIGIO, signal.SIG_IGN)
        fcntl.fcntl(handle, take, keep)
        fcntl.fcntl(handle, take, drop)
    except ValueError:
        return False  # signals are told to the main thread alone
    except OSError as error:
        return error.errno == errno.EAGAIN
    finally:
        os.close(handle)
    return False
