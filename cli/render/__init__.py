"""Two writers of the same frozen values: lines for people, objects for programs."""
