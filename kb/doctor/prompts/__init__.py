"""Which prompts find more in the user's own documents?"""
