"""Find and classify the faces in photos, without TensorFlow and DVC."""
