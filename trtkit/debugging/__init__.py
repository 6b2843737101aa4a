"""Debugging a model by asking again and again: which nodes, which build, which precision."""
