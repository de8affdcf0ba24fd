"""The rows of the table, by family: arguments and facts of each method.  No TensorFlow here."""
