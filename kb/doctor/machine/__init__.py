"""What do the GPU and the server's log say?"""
