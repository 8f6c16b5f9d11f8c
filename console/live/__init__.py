"""The live console without its screen: feeds, log tail, time window and diagnosis, ending in one `ConsoleState`."""
