"""How fast is it, and at how many requests at once?"""
