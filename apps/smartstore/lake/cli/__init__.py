"""`smartstore lake …`: reads the tables from the terminal, without Spark."""
