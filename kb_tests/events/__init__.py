"""What happens in a session, as it happens: typed events, their handlers, and the files others follow."""
