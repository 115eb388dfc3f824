"""What an operator may do: each verb once."""
