"""An invented city: people who do not exist, in contact with agencies that do not exist."""
