"""The same work done by other stores, each as a process of its own."""
