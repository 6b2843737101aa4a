"""The report of a run: its data (`model`) and its forms (`text`)."""
