"""Where do texts lie in vector space?"""
