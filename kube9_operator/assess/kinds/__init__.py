"""How each kind of object is decoded for an assessment, and reduced to what checks look at."""
