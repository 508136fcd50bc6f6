"""Where networks run: the only package that compiles one, and the only one that imports OpenVINO."""
