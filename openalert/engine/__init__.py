"""Work that time causes. Every step takes a bounded batch of due rows, acts, and returns how many."""
