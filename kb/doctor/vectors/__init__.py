"""Do the vectors mean anything?"""
