"""A photo -> its faces and an answer for each; needs neither TensorFlow nor DVC."""
