"""Which bytes are there, and did they change?"""
