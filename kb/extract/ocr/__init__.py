"""Letters recognised in pictures, for pages that have no text of their own.

    recogniser      one for each file                choice     which engine is there
    with_tesseract  the command                      program    commands, bounded
    with_rapidocr   the package                      words      upright and level
    reading         what an engine is                lines      in reading order
    image           pictures that are documents      clock      time that does not count

Nothing is written to the disk.
"""
