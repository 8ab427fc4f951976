"""Lets people in, starts jobs, lets them watch: the read side."""
