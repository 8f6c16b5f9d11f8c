"""What drill-downs show and is too much for every state: made in the collector's process when a screen asks."""
