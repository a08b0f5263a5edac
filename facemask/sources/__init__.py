"""Archives, folders and annotations -> labelled images; crops; quarantine."""
