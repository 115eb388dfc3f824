"""The outbound queue: messages on their way to other providers, their recipients, and when to try next."""
