"""Reading, annotating and writing photos and video."""
