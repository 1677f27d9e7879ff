"""How kb/search/glosses/words.txt is made."""
