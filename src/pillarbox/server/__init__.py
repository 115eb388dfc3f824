"""Who opens the door: listeners, connections and the sessions that ride on them."""
