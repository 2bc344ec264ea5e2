"""The two networks of JCS (Joint Classification and Segmentation): definition, training, evaluation, export."""
