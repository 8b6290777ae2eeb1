// Builds a machine from its description and runs it.
