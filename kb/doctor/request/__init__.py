"""Does it embed what kb sends, and where are its limits?"""
