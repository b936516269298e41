"""One module a command: plan first, then carry it out and yield outcomes as they complete; nothing here prints."""
