"""Where mail goes: reception with its checks, routing, accepting, reports."""
