"""One module per pane and one per primitive. Widgets are handed finished values and compute nothing while painting."""
