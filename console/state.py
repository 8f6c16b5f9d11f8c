"""The frozen state that goes down to the screen."""
