"""Files of scores and grades, in and out: bytes or text on one side, values on the other."""
