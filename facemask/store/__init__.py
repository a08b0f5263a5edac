"""Files that pass images and tables from stage to stage."""
