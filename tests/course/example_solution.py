"""A student's file that does nothing: it shows which kinds of sandbox work."""
