"""Who may ask what, how often, and which instance answers? The one door of the suite."""
