"""Does anything answer at the address, and what stands in the way?"""
