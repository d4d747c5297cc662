"""The notebook behind `event-platform explore`: questions (`answers`), how they are drawn (`plots`), the page (`notebook`), the server (`launch`)."""
