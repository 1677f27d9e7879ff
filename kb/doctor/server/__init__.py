"""What answers there, and which model does it serve?"""
