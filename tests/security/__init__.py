"""What attackers try, against the whole program."""
