"""The evaluation of the detector of personal information, written apart from its rules: values, carriers, look-alikes."""
