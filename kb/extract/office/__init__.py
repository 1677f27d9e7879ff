"""Files of office programs: text documents, slides and sheets, in OOXML and OpenDocument."""
