"""What is checked of a machine and a configuration: judgements here, measurements in `probes`."""
