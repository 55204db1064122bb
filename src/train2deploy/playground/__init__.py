"""`make playground`: a page to type into, in front of one endpoint or of two."""
