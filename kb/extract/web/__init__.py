"""Pages of the web and books made of them: HTML and EPUB."""
