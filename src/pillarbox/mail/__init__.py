"""What mail is: pure values. No clock, no chance, no IO, no logging."""
