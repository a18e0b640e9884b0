"""Everything a person or a machine can do: one function is one act, and the body of one transaction."""
