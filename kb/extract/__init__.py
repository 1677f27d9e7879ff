"""What do the files say, page by page?"""
