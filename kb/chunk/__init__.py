"""Where do passages begin and end?"""
