"""Which passages answer this question?"""
