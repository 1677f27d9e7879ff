"""Mail: one message a file, its attachments as documents of their own."""
