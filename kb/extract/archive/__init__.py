"""Archives: a list of what is in them, and each member as a document of its own."""
